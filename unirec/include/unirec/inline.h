/* SPDX-License-Identifier: BSD-3-Clause */
/** \file inline.h
 * How the small functions of the UniRec headers are defined: `INLINE` in every program; the library sets
 * INLINE_IMPL in one source file and holds an external copy of each. */
#ifndef UR_INLINE_H
#define UR_INLINE_H

#ifndef INLINE
#ifdef INLINE_IMPL
#define INLINE extern inline
#elif defined(__cplusplus) || defined(__GNUC_STDC_INLINE__)
#define INLINE inline
#else
#define INLINE extern inline
#endif
#endif

#endif
