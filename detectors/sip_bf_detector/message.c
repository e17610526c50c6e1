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
   const char *end = party + (length < PARTY_MAX ? length : PARTY_MAX),
              *colon = memchr(party, ':', (size_t) (end - party));
   size_t scheme = colon != NULL ? (size_t) (colon - party) : 0;
   if (colon == NULL ||
       !((scheme == 3 && memcmp(party, "sip", 3) == 0) || (scheme == 4 && memcmp(party, "sips", 4) == 0))) {
      return false;
   }
   const char *user = colon + 1;
   for (const char *p = user; p < end; p++) { /* parameters and headers */
      if (*p == ';' || *p == '?') {
         end = p;
      }
   }
   const char *at = memchr(user, '@', (size_t) (end - user));
   if (at == NULL || at == user) {
      return false;
   }
   msg->user = user;
   msg->user_length = (uint8_t) (at - user < USER_MAX ? at - user : USER_MAX);
   msg->domain = at + 1;
   msg->domain_length = (uint8_t) (end - at - 1 < DOMAIN_MAX ? end - at - 1 : DOMAIN_MAX);
   return true;
}
