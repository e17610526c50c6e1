/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_hll.h>

#include <math.h>

/* sigma() and tau() of Ertl, algorithm 6: the series for registers that are still empty and those that are full. */
static double sigma(double x)
{
   if (x >= 1.0) {
      return INFINITY;
   }
   double y = 1.0, z = x, before;
   do {
      x *= x;
      before = z;
      z += x * y;
      y += y;
   } while (z > before);
   return z;
}

static double tau(double x)
{
   if (x <= 0.0 || x >= 1.0) {
      return 0.0;
   }
   double y = 1.0, z = 1.0 - x, before;
   do {
      x = sqrt(x);
      before = z;
      y *= 0.5;
      z -= (1.0 - x) * (1.0 - x) * y;
   } while (z < before);
   return z / 3.0;
}

double nc_hll_count(const uint8_t *registers, unsigned p)
{
   uint32_t histogram[66] = {0};
   uint32_t size = NC_HLL_BYTES(p);
   unsigned top = 64 - p; /* ranks run from 1 to top + 1 */
   for (uint32_t i = 0; i < size; i++) {
      histogram[registers[i]]++;
   }
   if (histogram[0] == size) {
      return 0.0;
   }
   double m = size;
   double z = m * tau(1.0 - histogram[top + 1] / m);
   for (unsigned rank = top; rank >= 1; rank--) {
      z = 0.5 * (z + histogram[rank]);
   }
   z += m * sigma(histogram[0] / m);
   return m * m / (2.0 * log(2.0) * z);
}

void nc_hll_merge(uint8_t *registers, const uint8_t *other, unsigned p)
{
   for (uint32_t i = 0; i < NC_HLL_BYTES(p); i++) {
      if (registers[i] < other[i]) {
         registers[i] = other[i];
      }
   }
}
