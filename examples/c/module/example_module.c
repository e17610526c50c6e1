/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * example_module: receives records with two numbers and sends them on with their sum, times a factor.
 *
 * The order of calls is the one that modules written directly on libtrap and libunirec have. A shorter way, in which all of it
 * is done by libnemea-module, is shown by examples/syn_counter and made by "nemea new-module".
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libtrap/trap.h>
#include <unirec/unirec.h>

#include "fields.h"

#ifndef TRAP_GETOPT
#define TRAP_GETOPT(argc, argv, optstr, longopts) getopt_long(argc, argv, optstr, longopts, NULL)
#endif

/* Fields that this module reads and writes. fields.h and fields.c are made of this by ur_processor.sh. */
UR_FIELDS(uint32 FOO, uint32 BAR, uint32 BAZ)

trap_module_info_t *module_info = NULL;

/* Name, description, numbers of input and output interfaces (-1: any number). */
#define MODULE_BASIC_INFO(BASIC)                                                                           \
   BASIC("Example module",                                                                                 \
         "This module serves as an example of module implementation in TRAP platform. It receives UniRec " \
         "records with "                                                                                   \
         "two numbers on its input and sends them, with their sum in another field, to its output.",       \
         1, 1)

/* Letter, long name, description, whether it needs an argument, type of the argument. */
#define MODULE_PARAMS(PARAM) \
   PARAM('m', "mult", "The sum is multiplied by this number (default 1).", required_argument, "int32")

static int stop = 0;

/* Defines trap_default_signal_handler(), which ends the main loop on SIGINT and SIGTERM. */
TRAP_DEFAULT_SIGNAL_HANDLER(stop = 1)

int main(int argc, char **argv)
{
   int ret;
   signed char opt;
   int32_t mult = 1;

   /* ***** Options ***** */

   /* Allocates and fills module_info with what the macros above say. */
   INIT_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)

   /* Takes -i, -h and -v from the command line and opens the interfaces. */
   TRAP_DEFAULT_INITIALIZATION(argc, argv, *module_info);

   TRAP_REGISTER_DEFAULT_SIGNAL_HANDLER();

   while ((opt = (signed char) TRAP_GETOPT(argc, argv, module_getopt_string, long_options)) != -1) {
      switch (opt) {
      case 'm': mult = atoi(optarg); break;
      default:
         fprintf(stderr, "Invalid arguments.\n");
         FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS);
         TRAP_DEFAULT_FINALIZATION();
         return -1;
      }
   }

   /* ***** Templates ***** */

   ur_template_t *in_tmplt = ur_create_input_template(0, "FOO,BAR", NULL);
   if (in_tmplt == NULL) {
      fprintf(stderr, "Error: Input template could not be created.\n");
      return -1;
   }
   ur_template_t *out_tmplt = ur_create_output_template(0, "FOO,BAR,BAZ", NULL);
   if (out_tmplt == NULL) {
      ur_free_template(in_tmplt);
      fprintf(stderr, "Error: Output template could not be created.\n");
      return -1;
   }

   /* Memory for the record that is sent; 0: no room for fields of variable length. */
   void *out_rec = ur_create_record(out_tmplt, 0);
   if (out_rec == NULL) {
      ur_free_template(in_tmplt);
      ur_free_template(out_tmplt);
      fprintf(stderr, "Error: Memory allocation problem (output record).\n");
      return -1;
   }

   /* ***** Main loop ***** */

   while (!stop) {
      const void *in_rec;
      uint16_t in_rec_size;

      /* Waits for a record; in_tmplt follows when the sender's format changes. */
      ret = TRAP_RECEIVE(0, in_rec, in_rec_size, in_tmplt);
      TRAP_DEFAULT_RECV_ERROR_HANDLING(ret, continue, break);

      if (in_rec_size < ur_rec_fixlen_size(in_tmplt)) {
         if (in_rec_size <= 1) {
            break; /* end of the stream */
         }
         fprintf(stderr, "Error: data with wrong size received (expected size: >= %hu, received size: %hu)\n",
                 ur_rec_fixlen_size(in_tmplt), in_rec_size);
         break;
      }

      uint32_t foo = ur_get(in_tmplt, in_rec, F_FOO);
      uint32_t bar = ur_get(in_tmplt, in_rec, F_BAR);

      /* Fields that both templates have, here FOO and BAR. */
      ur_copy_fields(out_tmplt, out_rec, in_tmplt, in_rec);
      ur_set(out_tmplt, out_rec, F_BAZ, (uint32_t) mult * (foo + bar));

      ret = trap_send(0, out_rec, ur_rec_fixlen_size(out_tmplt));
      TRAP_DEFAULT_SEND_ERROR_HANDLING(ret, continue, break);
   }

   /* ***** End ***** */

   TRAP_DEFAULT_FINALIZATION();
   FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)
   ur_free_record(out_rec);
   ur_free_template(in_tmplt);
   ur_free_template(out_tmplt);
   ur_finalize();
   return 0;
}
