/* SPDX-License-Identifier: BSD-3-Clause */
/** module_info_example: prints what the macros that describe a module make of its description. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libtrap/trap.h>

trap_module_info_t *module_info = NULL;

#define MODULE_BASIC_INFO(BASIC) \
   BASIC("module_info_example", "Shows the structures that describe a module.", 1, 2)
#define MODULE_PARAMS(PARAM)                                         \
   PARAM('a', "address", "An address.", required_argument, "ipaddr") \
   PARAM('q', "quiet", "Says less.", no_argument, "none")            \
   PARAM('l', "level", "A level, if one likes.", optional_argument, "int32")

int main(void)
{
   INIT_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)
   printf("name: %s\ndescription: %s\ninputs: %d, outputs: %d\n", module_info->name, module_info->description,
          module_info->num_ifc_in, module_info->num_ifc_out);
   for (trap_module_info_parameter_t **p = module_info->params; *p != NULL; p++) {
      printf("-%c, --%s <%s>%s: %s\n", (*p)->short_opt, (*p)->long_opt, (*p)->argument_type,
             (*p)->param_required_argument ? " (needs an argument)" : "", (*p)->description);
   }
   printf("options for getopt: %s\n", module_getopt_string);
   FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS)
   return 0;
}
