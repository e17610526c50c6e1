/* SPDX-License-Identifier: BSD-3-Clause */
#include "quic_crypto.h"

#include <nemea-common/nc_digest.h>

#include <openssl/evp.h>

#define BLOCK      64 /* of SHA-256 */
#define TAG        16
#define SAMPLE     16
#define MAX_NUMBER 4 /* bytes of a packet number */

/* HMAC (RFC 2104) with its key taken in. */
struct hmac {
   struct nc_digest inner, outer;
};

static void hmac_key(struct hmac *h, const uint8_t *key, size_t n)
{
   uint8_t pad[BLOCK];
   memset(pad, 0x36, sizeof(pad));
   for (size_t i = 0; i < n; i++) {
      pad[i] ^= key[i];
   }
   nc_sha256_begin(&h->inner);
   nc_digest_add(&h->inner, pad, sizeof(pad));
   for (size_t i = 0; i < sizeof(pad); i++) {
      pad[i] ^= 0x36 ^ 0x5c;
   }
   nc_sha256_begin(&h->outer);
   nc_digest_add(&h->outer, pad, sizeof(pad));
}

static void hmac(const struct hmac *h, const void *message, size_t n, uint8_t to[NC_SHA256_SIZE])
{
   struct nc_digest inner = h->inner, outer = h->outer;
   uint8_t hash[NC_SHA256_SIZE];
   nc_digest_add(&inner, message, n);
   nc_sha256_end(&inner, hash);
   nc_digest_add(&outer, hash, sizeof(hash));
   nc_sha256_end(&outer, to);
}

/* HKDF-Expand-Label of RFC 8446, section 7.1, without context: at most one block is ever needed here. */
static void expand(const struct hmac *secret, const char *label, uint8_t *to, size_t n)
{
   uint8_t info[32], block[NC_SHA256_SIZE];
   size_t length = strlen(label), at = 0;
   info[at++] = 0;
   info[at++] = (uint8_t) n;
   info[at++] = (uint8_t) (6 + length);
   memcpy(info + at, "tls13 ", 6);
   memcpy(info + at + 6, label, length);
   at += 6 + length;
   info[at++] = 0; /* context */
   info[at++] = 1; /* number of the block */
   hmac(secret, info, at, block);
   memcpy(to, block, n);
}

void quic_client_keys(const struct quic_protection *protection, struct span dcid, struct quic_keys *keys)
{
   uint8_t secret[NC_SHA256_SIZE];
   struct hmac h;
   hmac_key(&h, protection->salt, sizeof(protection->salt));
   hmac(&h, dcid.p, dcid.n, secret);
   hmac_key(&h, secret, sizeof(secret));
   expand(&h, "client in", secret, sizeof(secret));
   hmac_key(&h, secret, sizeof(secret));
   expand(&h, protection->v2 ? "quicv2 key" : "quic key", keys->key, sizeof(keys->key));
   expand(&h, protection->v2 ? "quicv2 iv" : "quic iv", keys->iv, sizeof(keys->iv));
   expand(&h, protection->v2 ? "quicv2 hp" : "quic hp", keys->header, sizeof(keys->header));
}

static bool ready(struct quic_cipher *c)
{
   if (c->aead != NULL && c->block != NULL) {
      return true;
   }
   quic_cipher_close(c);
   c->aead = EVP_CIPHER_CTX_new();
   c->block = EVP_CIPHER_CTX_new();
   /* The keys change with every packet; what the ciphers are, is looked up only here. */
   if (c->aead == NULL || c->block == NULL ||
       EVP_DecryptInit_ex(c->aead, EVP_aes_128_gcm(), NULL, NULL, NULL) != 1 ||
       EVP_EncryptInit_ex(c->block, EVP_aes_128_ecb(), NULL, NULL, NULL) != 1) {
      quic_cipher_close(c);
      return false;
   }
   return true;
}

void quic_cipher_close(struct quic_cipher *c)
{
   EVP_CIPHER_CTX_free(c->aead);
   EVP_CIPHER_CTX_free(c->block);
   c->aead = c->block = NULL;
}

size_t quic_open(struct quic_cipher *c, const struct quic_keys *keys, const uint8_t *packet,
                 const struct quic_packet *q, uint8_t plain[QUIC_MAX_PLAIN])
{
   uint8_t mask[SAMPLE], number[MAX_NUMBER], nonce[sizeof(keys->iv)], tag[TAG];
   const uint8_t *at = packet + q->number;
   int n = 0;
   if (q->size - q->number < MAX_NUMBER + SAMPLE || q->size - q->number > QUIC_MAX_PLAIN || !ready(c) ||
       EVP_EncryptInit_ex(c->block, NULL, NULL, keys->header, NULL) != 1 ||
       EVP_EncryptUpdate(c->block, mask, &n, at + MAX_NUMBER, SAMPLE) != 1) {
      return 0;
   }
   uint8_t first = packet[0] ^ (mask[0] & 0x0f);
   size_t length = (first & 3) + 1u, body = q->size - q->number - length;
   memcpy(nonce, keys->iv, sizeof(nonce));
   for (size_t i = 0; i < length; i++) {
      number[i] = at[i] ^ mask[1 + i];
      /* Initials are a client's first packets: their numbers are never so large that bytes of them are left out. */
      nonce[sizeof(nonce) - length + i] ^= number[i];
   }
   memcpy(tag, packet + q->size - TAG, TAG);
   if (body <= TAG || EVP_DecryptInit_ex(c->aead, NULL, NULL, keys->key, nonce) != 1 ||
       EVP_DecryptUpdate(c->aead, NULL, &n, &first, 1) != 1 ||
       EVP_DecryptUpdate(c->aead, NULL, &n, packet + 1, (int) q->number - 1) != 1 ||
       EVP_DecryptUpdate(c->aead, NULL, &n, number, (int) length) != 1 ||
       EVP_DecryptUpdate(c->aead, plain, &n, at + length, (int) (body - TAG)) != 1 ||
       EVP_CIPHER_CTX_ctrl(c->aead, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1) {
      return 0;
   }
   int rest = 0;
   return EVP_DecryptFinal_ex(c->aead, plain + n, &rest) == 1 ? (size_t) (n + rest) : 0;
}
