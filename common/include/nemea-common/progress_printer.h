/* SPDX-License-Identifier: BSD-3-Clause */
/** \file progress_printer.h
 * Prints a dot on standard output for every N records.
 *
 *    NMCM_PROGRESS_DECL                    at file scope: the type
 *    NMCM_PROGRESS_DEF                     in a function: the variable, switched off
 *    NMCM_PROGRESS_INIT(limit, return 1)   switches on: a dot every limit calls of PRINT
 *    NMCM_PROGRESS_PRINT                   for each record
 *    NMCM_PROGRESS_NEWLINE                 at the end
 *
 * The last three are blocks and may be followed by a semicolon or not. They work in every function that has a pointer
 * named nmcm_progress_ptr: another function may take it as an argument. */
#ifndef PROGRESS_PRINTER_H
#define PROGRESS_PRINTER_H

#include <stdio.h>

#define NMCM_CNT_VALUE 1

#define NMCM_PROGRESS_DECL  \
   struct nmcm_progress_t { \
      int cnt;              \
      int limit;            \
      char print_char;      \
   };

#define NMCM_PROGRESS_DEF                                           \
   struct nmcm_progress_t nmcm_progress = {NMCM_CNT_VALUE, 0, '.'}; \
   struct nmcm_progress_t *nmcm_progress_ptr = &nmcm_progress;

/** limit not above zero: a message on standard error and err_cmd. */
#define NMCM_PROGRESS_INIT(print_limit, err_cmd)                                       \
   {                                                                                   \
      nmcm_progress_ptr->limit = (print_limit);                                        \
      if (nmcm_progress_ptr->limit <= 0) {                                             \
         nmcm_progress_ptr->limit = 0;                                                 \
         fprintf(stderr, "Error: 'progress' argument has to be greater than zero.\n"); \
         err_cmd;                                                                      \
      }                                                                                \
   }

#define NMCM_PROGRESS_PRINT                                        \
   {                                                               \
      if (nmcm_progress_ptr->limit > 0) {                          \
         if (nmcm_progress_ptr->cnt >= nmcm_progress_ptr->limit) { \
            nmcm_progress_ptr->cnt = NMCM_CNT_VALUE;               \
            putchar(nmcm_progress_ptr->print_char);                \
            fflush(stdout);                                        \
         } else {                                                  \
            nmcm_progress_ptr->cnt++;                              \
         }                                                         \
      }                                                            \
   }

#define NMCM_PROGRESS_NEWLINE             \
   {                                      \
      if (nmcm_progress_ptr->limit > 0) { \
         putchar('\n');                   \
      }                                   \
   }

#endif
