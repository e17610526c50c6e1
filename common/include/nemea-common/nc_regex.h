/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_regex.h
 * POSIX extended regular expressions whose memory is bounded.
 *
 * regcomp() of the C library writes repetitions out: a{1000} has a thousand places, a+ two, and a++++ sixteen, so that
 * a few dozen bytes can ask for more memory than there is. These functions count the places first.
 *
 * Threads: as regcomp(); nc_regex_copies() can be called by any number of threads at once.
 */
#ifndef NEMEA_COMMON_NC_REGEX_H
#define NEMEA_COMMON_NC_REGEX_H

#include <regex.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most places that repetitions of one expression may add. */
#define NC_REGEX_MAX_COPIES 512
/** Most places that repetitions of all expressions of one list or filter may add. */
#define NC_REGEX_MAX_TOTAL 65536
/** Longest expression, bytes: what it takes may grow with the square of its length. */
#define NC_REGEX_MAX_LENGTH 4096

/** Places that repetitions add to an expression: 0 for abc*, 2 for [0-9]{1,3}, 14 for (ab+c){4}. Stops at UINT32_MAX. */
uint32_t nc_regex_copies(const char *pattern);

/**
 * Compiles an extended regular expression (POSIX.1, XBD 9.4) without subexpression matches; free it with regfree().
 * total counts the added places of all expressions that share it, 0 at first. Returns 0, or the code of regcomp() (REG_ESPACE for one that is too long or repeats too much) with a text in reason: nothing to free then.
 */
int nc_regex_compile(regex_t *regex, const char *pattern, uint32_t *total, char *reason, size_t size);

#ifdef __cplusplus
}
#endif
#endif
