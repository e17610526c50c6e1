/* SPDX-License-Identifier: BSD-3-Clause */
/** A module as people wrote it for NEMEA 2, every macro used. It is compiled as C and as C++, and run with -h. */
#define HAVE_SIGACTION 1
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libtrap/trap.h>

trap_module_info_t *module_info = NULL;

#define MODULE_BASIC_INFO(BASIC) BASIC("old_module", "Sends on what it gets.", 1, 1)
#define MODULE_PARAMS(PARAM)                                                \
   PARAM('n', "number", "Messages to send on.", required_argument, "int32") \
   PARAM('e', "no-eof", "Do not send the end of stream.", no_argument, "none")

static int stop = 0;
TRAP_DEFAULT_SIGNAL_HANDLER(stop = 1)

int main(int argc, char **argv)
{
   int ret, n = -1, send_eof = 1;
   signed char opt;
   const void *data = NULL;
   uint16_t size = 0;
   json_t *count = json_integer(0);

   INIT_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)
   TRAP_DEFAULT_INITIALIZATION(argc, argv, *module_info);
   TRAP_REGISTER_DEFAULT_SIGNAL_HANDLER();
   while ((opt = (signed char) getopt_long(argc, argv, module_getopt_string, long_options, NULL)) != -1) {
      switch (opt) {
      case 'n': n = atoi(optarg); break;
      case 'e': send_eof = 0; break;
      default: return 1;
      }
   }
   trap_ifcctl(TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_WAIT);
   trap_set_required_fmt(0, TRAP_FMT_RAW);
   trap_set_data_fmt(0, TRAP_FMT_RAW);
   while (!stop && n-- != 0) {
      ret = trap_recv(0, &data, &size);
      TRAP_DEFAULT_RECV_ERROR_HANDLING(ret, continue, break);
      if (size <= 1) {
         break;
      }
      ret = trap_send(0, data, size);
      TRAP_DEFAULT_SEND_ERROR_HANDLING(ret, continue, break);
      json_integer_set(count, json_integer_value(count) + 1);
   }
   if (send_eof) {
      ret = trap_send(0, "", 1);
      TRAP_DEFAULT_SEND_DATA_ERROR_HANDLING(ret, , );
   }
   printf("%d\n", (int) json_integer_value(count));
   json_decref(count);
   TRAP_DEFAULT_FINALIZATION();
   FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)
   return 0;
}
