/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The protocols of mining pools, told by the first bytes of a connection: JSON-RPC, a message a line.
 *
 * Stratum of Bitcoin and Zcash (ZIP 301: mining.subscribe, mining.notify, mining.set_target), that of Monero (login, job), and that
 * of Ethereum (eth_submitLogin, eth_getWork).
 */
#include "miner.h"

#define COMPACT 512 /* bytes that are looked at */

/* The begin of a JSON object without blanks. */
struct compact {
   char text[COMPACT];
   size_t n;
};

static bool compact(struct compact *c, const char *data, size_t n)
{
   c->n = 0;
   for (size_t i = 0; i < n && c->n < COMPACT; i++) {
      if (data[i] != ' ' && data[i] != '\t' && data[i] != '\r' && data[i] != '\n') {
         c->text[c->n++] = data[i];
      }
   }
   return c->n > 0 && c->text[0] == '{';
}

static bool has(const struct compact *c, const char *what)
{
   return memmem(c->text, c->n, what, strlen(what)) != NULL;
}

static bool has_any(const struct compact *c, const char *const *words)
{
   for (; *words != NULL; words++) {
      if (has(c, *words)) {
         return true;
      }
   }
   return false;
}

bool stratum_is_request(const char *data, size_t n)
{
   static const char *const methods[] = {"\"mining.subscribe\"",   "\"mining.authorize\"",
                                         "\"mining.configure\"",   "\"mining.extranonce.subscribe\"",
                                         "\"mining.submit\"",      "\"eth_submitLogin\"",
                                         "\"eth_getWork\"",        "\"eth_submitWork\"",
                                         "\"eth_submitHashrate\"", NULL};
   struct compact c;
   if (!compact(&c, data, n)) {
      return false;
   }
   if (has(&c, "\"worker\":\"") && has(&c, "\"params\":[\"0x")) {
      return true; /* eth_submitLogin, whose method comes after the address of the wallet */
   }
   bool login = has(&c, "\"method\":\"login\"") && has(&c, "\"params\":{\"login\":");
   return login || (has(&c, "\"method\":") && has_any(&c, methods));
}

bool stratum_is_answer(const char *data, size_t n)
{
   struct compact c;
   return compact(&c, data, n) && (has(&c, "\"result\":") || has(&c, "\"error\":"));
}

bool stratum_is_job(const char *data, size_t n)
{
   static const char *const words[] = {"\"method\":\"mining.notify\"", "\"method\":\"mining.set_difficulty\"",
                                       "\"method\":\"mining.set_target\"", "\"method\":\"job\"", NULL};
   struct compact c;
   return compact(&c, data, n) && has_any(&c, words);
}
