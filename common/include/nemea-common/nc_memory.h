/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_memory.h
 * Memory of large tables.
 */
#ifndef NEMEA_COMMON_NC_MEMORY_H
#define NEMEA_COMMON_NC_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NC_MEMORY_LINE  64                 /**< bytes of a cache line */
#define NC_MEMORY_LARGE ((size_t) 8 << 20) /**< bytes from which huge pages are worth it */
#define NC_MEMORY_PAGE  ((uintptr_t) 4096) /* the least page */

/** Asks for huge pages, if the memory is large: what is looked up here and there in it misses the TLB less often. Memory that was not
 * touched yet stays untouched. */
static inline void nc_memory_large(void *memory, size_t size)
{
   if (memory != NULL && size >= NC_MEMORY_LARGE) {
      uintptr_t begin = ((uintptr_t) memory + NC_MEMORY_PAGE - 1) / NC_MEMORY_PAGE * NC_MEMORY_PAGE;
      uintptr_t end = ((uintptr_t) memory + size) / NC_MEMORY_PAGE * NC_MEMORY_PAGE;
#ifdef MADV_HUGEPAGE
      (void) madvise((void *) begin, end - begin, MADV_HUGEPAGE);
#endif
   }
}

/** A zeroed array that begins with a cache line, and is not touched before it is used: one that holds little takes little.
 * \param[out] base what free() takes \return NULL without memory */
static inline void *nc_memory_lines(size_t count, size_t size, void **base)
{
   *base = size == 0 || count <= (SIZE_MAX - NC_MEMORY_LINE) / size ? calloc(1, count * size + NC_MEMORY_LINE)
                                                                    : NULL;
   nc_memory_large(*base, count * size);
   uintptr_t at = (uintptr_t) *base;
   return *base != NULL ? (char *) *base + (NC_MEMORY_LINE - at % NC_MEMORY_LINE) % NC_MEMORY_LINE : NULL;
}

#ifdef __cplusplus
}
#endif
#endif
