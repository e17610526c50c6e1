/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file libtrap/trap_module_info.h
 * How a module describes itself: name, interfaces and options, and the macros that fill the description.
 * The order of members is part of the interface: programs use positional initialisers.
 */
#ifndef TRAP_MODULE_INFO_H
#define TRAP_MODULE_INFO_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One option of a module. Strings may be NULL. */
typedef struct trap_module_info_parameter_s {
   char short_opt;              /**< letter; 0 or '-' when there is none */
   char *long_opt;              /**< long name without dashes */
   char *description;           /**< shown in the help */
   int param_required_argument; /**< 1: needs an argument */
   char *argument_type;         /**< "uint32", "string", ... */
} trap_module_info_parameter_t;

/** A module. Owned by the module; libtrap reads it in trap_init() and trap_print_help() only. */
typedef struct trap_module_info_s {
   char *name;                            /**< program name */
   char *description;                     /**< a few sentences */
   int num_ifc_in;                        /**< inputs; -1: variable, replaced in trap_init() */
   int num_ifc_out;                       /**< outputs; -1: variable */
   trap_module_info_parameter_t **params; /**< NULL-terminated; NULL: no options */
} trap_module_info_t;

/** Makes a description with copied strings and param_count empty slots. \return NULL without memory */
trap_module_info_t *trap_create_module_info(const char *mname, const char *mdesc, int8_t i_ifcs,
                                            int8_t o_ifcs, uint16_t param_count);

/** Fills slot param_id, which must be below param_count. \return 0; -1 without memory or for NULL */
int trap_update_module_param(trap_module_info_t *m, uint16_t param_id, char shortopt, const char *longopt,
                             const char *desc, int req_arg, const char *arg_type);

/* The macros below are statements in a module's main(). A module defines MODULE_BASIC_INFO(BASIC) and
 * MODULE_PARAMS(PARAM) as X-macros and has a global `trap_module_info_t *module_info`. */

#define TRAP_INFO_STR_(s) strdup((s) != NULL ? (const char *) (s) : "")

#define GEN_LONG_OPT_STRUCT_LINE(p_short, p_long, p_desc, p_required, p_type) \
   {p_long, p_required, 0, p_short},

/** Defines `static struct option long_options[]`; needs <getopt.h>. */
#define GEN_LONG_OPT_STRUCT(PARAMS) \
   static struct option long_options[] __attribute__((used)) = {PARAMS(GEN_LONG_OPT_STRUCT_LINE){0, 0, 0, 0}};

#define ALLOCATE_BASIC_INFO_2(m, p_name, p_desc, p_input, p_output) \
   if ((m) != NULL) {                                               \
      (m)->name = TRAP_INFO_STR_(p_name);                           \
      (m)->description = TRAP_INFO_STR_(p_desc);                    \
      (m)->num_ifc_in = (p_input);                                  \
      (m)->num_ifc_out = (p_output);                                \
   }
#define ALLOCATE_BASIC_INFO(p_name, p_desc, p_input, p_output) \
   ALLOCATE_BASIC_INFO_2(module_info, p_name, p_desc, p_input, p_output)

#define ALLOCATE_PARAM_ITEMS_2(m, param_id, p_short, p_long, p_desc, p_required, p_type)    \
   if ((m) != NULL && (m)->params != NULL) {                                                \
      trap_module_info_parameter_t *trap_param_ =                                           \
          (trap_module_info_parameter_t *) calloc(1, sizeof(trap_module_info_parameter_t)); \
      (m)->params[param_id] = trap_param_;                                                  \
      if (trap_param_ != NULL) {                                                            \
         trap_param_->short_opt = (p_short);                                                \
         trap_param_->long_opt = TRAP_INFO_STR_(p_long);                                    \
         trap_param_->description = TRAP_INFO_STR_(p_desc);                                 \
         trap_param_->param_required_argument = ((p_required) == 1);                        \
         trap_param_->argument_type = TRAP_INFO_STR_(p_type);                               \
      }                                                                                     \
   }
#define ALLOCATE_PARAM_ITEMS(p_short, p_long, p_desc, p_required, p_type)                                   \
   ALLOCATE_PARAM_ITEMS_2(module_info, trap_module_params_cnt, p_short, p_long, p_desc, p_required, p_type) \
   trap_module_params_cnt++;

#define FREE_BASIC_INFO(p_name, p_desc, p_input, p_output) \
   free(module_info->name);                                \
   module_info->name = NULL;                               \
   free(module_info->description);                         \
   module_info->description = NULL;

#define FREE_PARAM_ITEMS(p_short, p_long, p_desc, p_required, p_type)                        \
   if (module_info->params != NULL && module_info->params[trap_module_params_cnt] != NULL) { \
      free(module_info->params[trap_module_params_cnt]->long_opt);                           \
      free(module_info->params[trap_module_params_cnt]->description);                        \
      free(module_info->params[trap_module_params_cnt]->argument_type);                      \
      free(module_info->params[trap_module_params_cnt]);                                     \
      module_info->params[trap_module_params_cnt] = NULL;                                    \
   }                                                                                         \
   trap_module_params_cnt++;

/* At most two characters an option: the letter, and ':' when an argument is required. */
#define GENERATE_GETOPT_STRING(p_short, p_long, p_desc, p_required, p_type)                        \
   if ((p_short) != 0 && (p_short) != '-' && module_getopt_string != NULL) {                       \
      size_t trap_len_ = strlen(module_getopt_string);                                             \
      if (trap_len_ + 3 > module_getopt_string_size) {                                             \
         module_getopt_string_size += module_getopt_string_size / 2;                               \
         module_getopt_string = (char *) realloc(module_getopt_string, module_getopt_string_size); \
      }                                                                                            \
      if (module_getopt_string != NULL) {                                                          \
         module_getopt_string[trap_len_++] = (p_short);                                            \
         if ((p_required) == 1) {                                                                  \
            module_getopt_string[trap_len_++] = ':';                                               \
         }                                                                                         \
         module_getopt_string[trap_len_] = 0;                                                      \
      }                                                                                            \
   }

#define COUNT_MODULE_PARAMS(p_short, p_long, p_desc, p_required, p_type) trap_module_params_cnt++;

/** Declares trap_module_params_cnt, module_getopt_string(_size) and long_options, and fills module_info. */
#define INIT_MODULE_INFO_STRUCT(BASIC, PARAMS)                                            \
   int trap_module_params_cnt = 0;                                                        \
   size_t module_getopt_string_size = 50;                                                 \
   char *module_getopt_string = (char *) calloc(module_getopt_string_size, sizeof(char)); \
   PARAMS(GENERATE_GETOPT_STRING)                                                         \
   module_info = (trap_module_info_t *) calloc(1, sizeof(trap_module_info_t));            \
   GEN_LONG_OPT_STRUCT(PARAMS)                                                            \
   BASIC(ALLOCATE_BASIC_INFO)                                                             \
   PARAMS(COUNT_MODULE_PARAMS)                                                            \
   if (module_info != NULL) {                                                             \
      module_info->params = (trap_module_info_parameter_t **) calloc(                     \
          (size_t) trap_module_params_cnt + 1, sizeof(trap_module_info_parameter_t *));   \
   }                                                                                      \
   trap_module_params_cnt = 0;                                                            \
   PARAMS(ALLOCATE_PARAM_ITEMS)

/** Frees what INIT_MODULE_INFO_STRUCT made; module_info becomes NULL. */
#define FREE_MODULE_INFO_STRUCT(BASIC, PARAMS) \
   if (module_info != NULL) {                  \
      trap_module_params_cnt = 0;              \
      BASIC(FREE_BASIC_INFO)                   \
      PARAMS(FREE_PARAM_ITEMS)                 \
      free(module_info->params);               \
      free(module_info);                       \
      module_info = NULL;                      \
   }                                           \
   if (module_getopt_string != NULL) {         \
      free(module_getopt_string);              \
      module_getopt_string = NULL;             \
   }

#ifdef __cplusplus
}
#endif
#endif
