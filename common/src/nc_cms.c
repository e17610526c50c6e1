/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_cms.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct nc_cms {
   uint32_t width, depth;
   uint32_t counters[];
};

nc_cms_t *nc_cms_new(uint32_t width, uint32_t depth)
{
   if (width == 0 || width > (UINT32_C(1) << 28) || (width & (width - 1)) != 0 || depth == 0 ||
       depth > NC_CMS_MAX_DEPTH) {
      errno = EINVAL;
      return NULL;
   }
   nc_cms_t *sketch = calloc(1, sizeof(*sketch) + (size_t) width * depth * sizeof(uint32_t));
   if (sketch) {
      sketch->width = width;
      sketch->depth = depth;
   }
   return sketch;
}

void nc_cms_free(nc_cms_t *sketch)
{
   free(sketch);
}

/* The rows' places come from the two halves of one hash (Kirsch and Mitzenmacher, 2006). */
static inline size_t place(const nc_cms_t *sketch, uint64_t hash, uint32_t row)
{
   uint32_t at = ((uint32_t) hash + row * ((uint32_t) (hash >> 32) | 1)) & (sketch->width - 1);
   return (size_t) row * sketch->width + at;
}

uint32_t nc_cms_count(const nc_cms_t *sketch, uint64_t hash)
{
   uint32_t least = UINT32_MAX;
   for (uint32_t row = 0; row < sketch->depth; row++) {
      uint32_t value = sketch->counters[place(sketch, hash, row)];
      least = value < least ? value : least;
   }
   return least;
}

uint32_t nc_cms_add(nc_cms_t *sketch, uint64_t hash, uint32_t amount)
{
   uint32_t least = nc_cms_count(sketch, hash);
   uint32_t target = least > UINT32_MAX - amount ? UINT32_MAX : least + amount;
   for (uint32_t row = 0; row < sketch->depth; row++) {
      uint32_t *counter = &sketch->counters[place(sketch, hash, row)];
      if (*counter < target) {
         *counter = target;
      }
   }
   return target;
}

void nc_cms_halve(nc_cms_t *sketch)
{
   size_t count = (size_t) sketch->width * sketch->depth;
   for (size_t i = 0; i < count; i++) {
      sketch->counters[i] /= 2;
   }
}

void nc_cms_clear(nc_cms_t *sketch)
{
   memset(sketch->counters, 0, (size_t) sketch->width * sketch->depth * sizeof(uint32_t));
}
