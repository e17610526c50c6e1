/* SPDX-License-Identifier: BSD-3-Clause */
/* A module in the manner of NEMEA 2: writes into the received record before it looks at its size, prints without
 * flushing, builds names of sockets from trap_default_socket_path_format. Built by dropin_test.py. */
#include <getopt.h>
#include <libtrap/trap.h>
#include <unirec/unirec.h>

trap_module_info_t *module_info = NULL;

#define MODULE_BASIC_INFO(BASIC) BASIC("old_detector", "Masks sources.", 1, 0)
#define MODULE_PARAMS(PARAM)

int main(int argc, char **argv)
{
   ur_field_id_t source, bytes;
   const void *record = NULL;
   uint16_t size = 0;
   int flows = 0, ret;

   INIT_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)
   TRAP_DEFAULT_INITIALIZATION(argc, argv, *module_info);
   source = (ur_field_id_t) ur_define_field("SRC_IP", UR_TYPE_IP);
   bytes = (ur_field_id_t) ur_define_field("BYTES", UR_TYPE_UINT64);
   ur_template_t *tmplt = ur_create_input_template(0, "SRC_IP,BYTES", NULL);
   printf(trap_default_socket_path_format, "flows");
   printf("\n");
   while (tmplt != NULL) {
      ret = TRAP_RECEIVE(0, record, size, tmplt);
      TRAP_DEFAULT_GET_DATA_ERROR_HANDLING(ret, continue, break);
      /* masks in place, also what is no record */
      memset(ur_get_ptr_by_id(tmplt, record, source), 0, sizeof(ip_addr_t));
      *(char *) ur_get_ptr_by_id(tmplt, record, bytes) = 1;
      if (size <= 1) {
         break;
      }
      printf("flow %d\n", ++flows);
   }
   ur_free_template(tmplt);
   ur_finalize();
   TRAP_DEFAULT_FINALIZATION();
   FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)
   return 0;
}
