/* SPDX-License-Identifier: BSD-3-Clause */
/** anonymizer: prefix-preserving anonymization of the addresses in records, and back. */
#include <errno.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cryptopan.h"
#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, string SIP_CALLED_PARTY, string SIP_CALLING_PARTY, string SIP_CALL_ID,
          string SIP_REQUEST_URI, string SIP_VIA)

#define DEFAULT_KEY "01234567890123450123456789012345"
#define TEXTS       5
#define AHEAD       8 /* records whose addresses are prefetched */

struct anonymizer {
   const char *key_text, *key_path;
   bool murmur, keep_source, keep_destination, reverse;

   uint8_t key[CRYPTOPAN_KEY];
   struct cryptopan *cryptopan;
   /* Of the format at hand. */
   uint16_t addresses[2]; /* offsets */
   uint32_t n_addresses;
   int texts[TEXTS]; /* fields */
   uint32_t n_texts;
   uint64_t cleared; /* texts that would have become too long */
   char text[UR_MAX_SIZE];
};

static const nm_option_t options[] = {
    NM_STRING('k', "key", struct anonymizer, key_text, NULL,
              "Secret key: 32 characters, or 0x and 64 hexadecimal digits. All users of the machine can see "
              "it in the list of "
              "processes, so better use -f. Without a key a public one is used, which hides nothing."),
    NM_STRING('f', "file", struct anonymizer, key_path, NULL,
              "Read the key from the first line of this file."),
    NM_FLAG('M', "murmur", struct anonymizer, murmur,
            "Use a hash instead of AES: faster, but not safe against analysis."),
    NM_FLAG('S', "srcip", struct anonymizer, keep_source, "Leave SRC_IP as it is."),
    NM_FLAG('D', "dstip", struct anonymizer, keep_destination, "Leave DST_IP as it is."),
    NM_FLAG('d', "de-anonym", struct anonymizer, reverse,
            "Turn anonymized addresses back into the original ones."),
    NM_END,
};

/* --------------------------------------------------------------------- key */

static int hex_value(char c)
{
   return c >= '0' && c <= '9'   ? c - '0'
          : c >= 'a' && c <= 'f' ? c - 'a' + 10
          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                 : -1;
}

/* \return false: neither form of a key */
static bool parse_key(const char *text, size_t length, uint8_t key[CRYPTOPAN_KEY])
{
   if (length == CRYPTOPAN_KEY) {
      memcpy(key, text, CRYPTOPAN_KEY);
      return true;
   }
   if (length != 2 + 2 * CRYPTOPAN_KEY || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
      return false;
   }
   for (size_t i = 0; i < CRYPTOPAN_KEY; i++) {
      int high = hex_value(text[2 + 2 * i]), low = hex_value(text[3 + 2 * i]);
      if (high < 0 || low < 0) {
         return false;
      }
      key[i] = (uint8_t) (high << 4 | low);
   }
   return true;
}

/* The key itself is not shown. */
static int set_key(nm_module_t *m, const char *text, size_t length, int status)
{
   struct anonymizer *self = nm_self(m);
   if (parse_key(text, length, self->key)) {
      return NM_OK;
   }
   fprintf(stderr, "*** CryptoPAnKey error: size: %zu\n", length);
   return nm_fail_status(m, status,
                         "*** Need either a plain 32 char string, or a 32 byte hex key starting with 0x..");
}

static int read_key(nm_module_t *m, const char *path)
{
   char line[256];
   errno = 0;
   FILE *file = fopen(path, "re");
   char *got = file != NULL ? fgets(line, sizeof(line), file) : NULL;
   int error = errno;
   if (file != NULL) {
      fclose(file);
   }
   if (got == NULL) {
      return nm_fail_status(m, 2, "Error: Could not open file with secret key. %s: %s", path,
                            error != 0 ? strerror(error) : "it is empty");
   }
   size_t length = strlen(line);
   while (length > 0 && strchr(" \t\r\n\v\f", line[length - 1]) != NULL) {
      length--;
   }
   int rc = set_key(m, line, length, 2);
   explicit_bzero(line, sizeof(line));
   return rc;
}

static int check(nm_module_t *m)
{
   struct anonymizer *self = nm_self(m);
   if (self->key_path != NULL) {
      return read_key(m, self->key_path);
   }
   if (self->key_text != NULL) {
      return set_key(m, self->key_text, strlen(self->key_text), 3);
   }
   nm_warn(m, "NO KEY GIVEN (-k, -f): the default key is public, everybody can turn these addresses back");
   return set_key(m, DEFAULT_KEY, CRYPTOPAN_KEY, 3);
}

static int init(nm_module_t *m)
{
   struct anonymizer *self = nm_self(m);
   self->cryptopan = cryptopan_new(self->key, (self->murmur ? CRYPTOPAN_MURMUR : 0) |
                                                  (self->reverse ? CRYPTOPAN_REVERSE : 0));
   explicit_bzero(self->key, sizeof(self->key));
   nm_counter(m, "texts cleared", &self->cleared);
   return self->cryptopan != NULL ? NM_OK : nm_fail(m, "out of memory");
}

/* ----------------------------------------------------------------- records */

static int format(nm_module_t *m, uint32_t input)
{
   static const int text_fields[TEXTS] = {F_SIP_CALLED_PARTY, F_SIP_CALLING_PARTY, F_SIP_CALL_ID,
                                          F_SIP_REQUEST_URI, F_SIP_VIA};
   struct anonymizer *self = nm_self(m);
   const ur_template_t *in = nm_in_n(m, input);
   bool source = nm_has(m, F_SRC_IP), destination = nm_has(m, F_DST_IP);
   self->n_addresses = 0;
   self->n_texts = 0;
   if (source && !self->keep_source) {
      self->addresses[self->n_addresses++] = in->offset[F_SRC_IP];
   }
   if (destination && !self->keep_destination) {
      self->addresses[self->n_addresses++] = in->offset[F_DST_IP];
   }
   for (int i = 0; i < TEXTS; i++) {
      if (nm_has(m, text_fields[i])) {
         self->texts[self->n_texts++] = text_fields[i];
      }
   }
   if (!source && !destination && self->n_texts == 0) {
      nm_warn(m, "No fields for anonymizing present in input template.");
   }
   return NM_OK;
}

static void map_addresses(struct anonymizer *self, void *rec)
{
   for (uint32_t i = 0; i < self->n_addresses; i++) {
      char *at = (char *) rec + self->addresses[i];
      ip_addr_t ip = cryptopan_map(self->cryptopan, (const ip_addr_t *) (const void *) at);
      memcpy(at, &ip, sizeof(ip));
   }
}

static void prefetch(const struct anonymizer *self, const nm_record_t *rec)
{
   for (uint32_t i = 0; i < self->n_addresses; i++) {
      const char *at = (const char *) rec->data + self->addresses[i];
      cryptopan_prefetch(self->cryptopan, (const ip_addr_t *) (const void *) at);
   }
}

/* Texts may change their lengths. One for which the record has no room is emptied: an address must not go out in clear. */
static int map_texts(nm_module_t *m, const void *rec)
{
   struct anonymizer *self = nm_self(m);
   const ur_template_t *out = nm_out(m);
   void *record = nm_alert(m, rec);
   int rc = NM_OK;
   map_addresses(self, record);
   for (uint32_t i = 0; rc == NM_OK && i < self->n_texts; i++) {
      int field = self->texts[i];
      uint32_t length = nm_get_len(m, rec, field);
      size_t room = UR_MAX_SIZE - (size_t) (ur_rec_size(out, record) - ur_get_var_len(out, record, field));
      size_t n = cryptopan_map_text(self->cryptopan, ur_get_ptr_by_id(nm_in(m), rec, field), length,
                                    self->text, room < sizeof(self->text) ? room : sizeof(self->text));
      if (n == SIZE_MAX) {
         self->cleared++;
         n = 0;
      }
      rc = nm_set_var(m, 0, record, field, self->text, (uint32_t) n);
   }
   return rc == NM_OK ? nm_send(m, record) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct anonymizer *self = nm_self(m);
   for (uint32_t i = 0; i < n; i++) {
      void *room = NULL;
      if (i + AHEAD < n) {
         prefetch(self, &recs[i + AHEAD]);
      }
      int rc = self->n_texts > 0 ? map_texts(m, recs[i].data) : nm_reserve(m, 0, recs[i].size, &room);
      if (rc == NM_OK && room != NULL) {
         memcpy(room, recs[i].data, recs[i].size);
         map_addresses(self, room);
         rc = nm_commit(m, 0, recs[i].size);
      }
      if (rc != NM_OK) {
         return rc;
      }
   }
   return NM_OK;
}

static int end_of_input(nm_module_t *m, uint32_t input)
{
   (void) m;
   (void) input;
   puts("EOF received");
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct anonymizer *self = nm_self(m);
   cryptopan_free(self->cryptopan);
}

NM_MODULE("anonymizer",
          "Anonymizes the addresses of records so that prefixes stay prefixes (Crypto-PAn), and turns them "
          "back with the same "
          "key. Fields: SRC_IP, DST_IP, and all addresses in the texts SIP_CALLED_PARTY, SIP_CALLING_PARTY, "
          "SIP_CALL_ID, "
          "SIP_REQUEST_URI and SIP_VIA.",
          .in = NM_INPUTS({"records",
                           .optional = "ipaddr SRC_IP,ipaddr DST_IP,string SIP_CALLED_PARTY,string "
                                       "SIP_CALLING_PARTY,string SIP_CALL_ID,string SIP_REQUEST_URI,string "
                                       "SIP_VIA"}),
          .out = NM_OUTPUTS({"anonymized", .format = NM_FOLLOW}), .options = options,
          .state_size = sizeof(struct anonymizer), .no_eos_option = "no-eof", .check = check, .init = init,
          .format = format, .records = records, .end_of_input = end_of_input, .cleanup = cleanup)
