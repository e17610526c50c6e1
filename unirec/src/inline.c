/* SPDX-License-Identifier: BSD-3-Clause */
/* External copies of the small functions of the headers. */
#pragma GCC visibility push(default)
#define INLINE_IMPL
#include <unirec/unirec.h>
