/* SPDX-License-Identifier: BSD-3-Clause */
/** Fields of SIP messages as text (RFC 3261). */
#include "sip_bf.h"

#define CSEQ_MAX  50 /* characters that are looked at */
#define PARTY_MAX 100

bool message_is_register(const char *cseq, uint32_t length)
{
   uint32_t n = length < CSEQ_MAX ? length : CSEQ_MAX;
   for (uint32_t i = 0; i + 3 <= n; i++) {
      if (cseq[i] == 'R' && cseq[i + 1] == 'E' && cseq[i + 2] == 'G') {
         return true;
      }
   }
   return false;
}

bool message_party(struct message *msg, const char *party, uint32_t length)
{
   uint32_t n = length < PARTY_MAX ? length : PARTY_MAX, scheme = n >= 4 && memcmp(party, "sip:", 4) == 0 ? 4
                                                                  : n >= 5 && memcmp(party, "sips:", 5) == 0
                                                                      ? 5
                                                                      : 0;
   if (scheme == 0) {
      return false;
   }
   const char *user = party + scheme, *end = party + n, *at = user;
   while (at < end && *at != '@') {
      if (*at == ';' || *at == '?') { /* parameters and headers: what follows is no domain */
         return false;
      }
      at++;
   }
   if (at == user || at == end) {
      return false;
   }
   msg->user = user;
   msg->user_length = (uint8_t) (at - user < USER_MAX ? at - user : USER_MAX);
   msg->domain = at + 1;
   msg->domain_length = (uint8_t) (end - at - 1 < DOMAIN_MAX ? end - at - 1 : DOMAIN_MAX);
   return true;
}

uint8_t message_domain(const struct message *msg)
{
   uint8_t n = 0;
   while (n < msg->domain_length && msg->domain[n] != ';' && msg->domain[n] != '?') {
      n++;
   }
   return n;
}
