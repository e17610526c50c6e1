/* SPDX-License-Identifier: BSD-3-Clause */
/** Traffic statistics of mining: the score and the decision tree of V. Veselý and M. Žádník, "How to detect cryptocurrency miners?
 * By traffic forensics!" (Digital Investigation 31, 2019). */
#include "miner.h"

#define LEAST_ACTIVE 5 /* s; packets by minute of a shorter time say nothing */

struct features {
   int64_t ppm, bpp, ppf;      /* packets by minute (-1: unknown), bytes by packet, packets by flow */
   int64_t ap, sy, rs, fi, rq; /* percent of flows: ACK or ACK+PSH only, with SYN, RST, FIN, requests */
   int64_t active;             /* s */
   uint64_t flows, req;
};

static struct features features_of(const struct suspect *s)
{
   struct features f = {.ppm = -1, .flows = (uint64_t) s->ack + s->ackpush + s->other, .req = s->req};
   if (f.flows == 0) {
      return f;
   }
   f.active = (int64_t) s->last - s->exported;
   f.bpp = s->packets > 0 ? (int64_t) (s->bytes / s->packets) : 0;
   f.ppf = (int64_t) (s->packets / f.flows);
   if (f.active >= LEAST_ACTIVE) {
      f.ppm = (int64_t) (s->packets * 60 / (uint64_t) f.active);
   }
   f.ap = (int64_t) (100 * ((uint64_t) s->ack + s->ackpush) / f.flows);
   f.sy = (int64_t) (100 * (uint64_t) s->syn / f.flows);
   f.rs = (int64_t) (100 * (uint64_t) s->rst / f.flows);
   f.fi = (int64_t) (100 * (uint64_t) s->fin / f.flows);
   f.rq = (int64_t) (100 * (uint64_t) s->req / f.flows);
   return f;
}

unsigned judge_score(const struct suspect *s)
{
   struct features f = features_of(s);
   unsigned score = 0;
   if (f.flows == 0) {
      return 0;
   }
   score += 100 * ((uint64_t) s->ack + s->ackpush) >= 80 * f.flows ? 2 : 0;
   score += f.bpp > 50 && f.bpp < 130 ? 2 : 0;
   score += f.ppf < 10 || f.ppf > 20 ? 1 : 0;
   score += f.ppm >= 8 && f.ppm <= 30 ? 2 : 0;
   score += 10 * f.req > 9 * f.flows ? 3 : 0;
   score += f.active >= 300 ? 3 : 0;
   return score;
}

#define TO(max)      \
   {                 \
      INT32_MIN, max \
   }
#define FROM(min)    \
   {                 \
      min, INT32_MAX \
   }
#define IN(min, max) \
   {                 \
      min, max       \
   }
#define ANY                \
   {                       \
      INT32_MIN, INT32_MAX \
   }

struct range {
   int32_t min, max;
};

/** A leaf of the tree that says "miner". What is left out is ANY, see the rows. */
struct leaf {
   struct range ppm, bpp, ppf, ap, sy, rs, fi, rq;
};

static const struct leaf leaves[] = {
    /* packets/min, bytes/packet, packets/flow, ACK or ACK+PSH %, SYN %, RST %, FIN %, requests % */
    {TO(1), TO(54), TO(1), FROM(96), TO(1), TO(1), TO(7), ANY},
    {IN(5, 5), TO(54), TO(1), IN(98, 99), TO(1), TO(1), TO(0), ANY},
    {IN(2, 5), TO(54), TO(1), FROM(100), TO(1), TO(1), TO(0), ANY},
    {TO(5), TO(54), TO(1), FROM(87), FROM(2), TO(1), IN(7, 7), ANY},
    {IN(6, 12), TO(55), IN(2, 2), IN(87, 93), TO(6), TO(0), TO(3), ANY},
    {TO(6), TO(43), IN(2, 2), IN(94, 99), TO(6), TO(0), IN(1, 3), ANY},
    {TO(6), IN(44, 52), IN(2, 2), IN(94, 99), TO(0), TO(0), IN(1, 3), ANY},
    {TO(6), TO(52), IN(2, 2), FROM(100), TO(6), TO(0), TO(3), ANY},
    {TO(3), IN(53, 55), IN(2, 2), FROM(98), TO(6), TO(0), TO(3), ANY},
    {IN(4, 12), IN(53, 54), IN(2, 2), IN(94, 98), TO(6), TO(0), TO(3), ANY},
    {IN(4, 12), IN(55, 55), IN(2, 2), IN(94, 94), TO(6), TO(0), TO(3), ANY},
    {IN(5, 8), IN(56, 56), IN(2, 2), IN(87, 94), TO(6), TO(0), TO(7), ANY},
    {IN(5, 8), IN(57, 59), IN(2, 2), IN(87, 89), TO(6), TO(0), TO(7), ANY},
    {IN(2, 8), IN(56, 59), IN(2, 2), FROM(100), TO(6), TO(0), TO(7), ANY},
    {TO(12), TO(40), IN(2, 2), IN(87, 96), TO(6), IN(1, 1), TO(7), ANY},
    {IN(7, 12), IN(41, 56), IN(2, 2), IN(87, 96), TO(6), IN(1, 1), TO(7), ANY},
    {IN(4, 5), TO(59), IN(3, 3), FROM(100), ANY, TO(1), TO(7), ANY},
    {IN(3, 4), IN(60, 70), IN(2, 3), FROM(100), TO(91), TO(1), TO(1), ANY},
    {IN(3, 4), IN(60, 70), IN(2, 3), ANY, FROM(92), TO(1), TO(1), ANY},
    {IN(7, 10), IN(58, 58), IN(4, 8), FROM(100), ANY, TO(1), TO(7), ANY},
    {IN(7, 10), IN(58, 67), IN(9, 10), FROM(100), ANY, TO(1), TO(7), ANY},
    {TO(12), TO(70), FROM(6), ANY, TO(2), FROM(2), TO(97), ANY},
    {TO(12), TO(70), FROM(7), ANY, ANY, FROM(2), FROM(98), ANY},
    {TO(70), FROM(71), ANY, ANY, ANY, ANY, ANY, TO(75)},
    {IN(71, 135), FROM(106), ANY, FROM(100), ANY, ANY, ANY, ANY},
    {FROM(136), IN(104, 108), TO(230), ANY, ANY, ANY, ANY, ANY},
};

static bool within(int64_t value, const struct range *r)
{
   return value >= r->min && (value <= r->max || r->max == INT32_MAX);
}

bool judge_tree(const struct suspect *s)
{
   struct features f = features_of(s);
   if (f.flows == 0) {
      return false;
   }
   for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
      const struct leaf *l = &leaves[i];
      if (within(f.ppm, &l->ppm) && within(f.bpp, &l->bpp) && within(f.ppf, &l->ppf) &&
          within(f.ap, &l->ap) && within(f.sy, &l->sy) && within(f.rs, &l->rs) && within(f.fi, &l->fi) &&
          within(f.rq, &l->rq)) {
         return true;
      }
   }
   return false;
}
