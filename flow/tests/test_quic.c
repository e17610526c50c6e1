/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin quic: protection of Initials against the examples of RFC 9001 and 9369, reassembly, kinds of packets. */
#include "plugins/quic_crypto.h"
#include "plugins/quic_stream.h"
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#define V1       0x00000001
#define V2       0x6b3343cf
#define DATAGRAM 1200
#define TAG      16

/* Of RFC 9001, appendix A.2. */
static const uint8_t rfc_dcid[] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
static const uint8_t rfc_hello[] = {
    0x01, 0x00, 0x00, 0xed, 0x03, 0x03, 0xeb, 0xf8, 0xfa, 0x56, 0xf1, 0x29, 0x39, 0xb9, 0x58, 0x4a, 0x38,
    0x96, 0x47, 0x2e, 0xc4, 0x0b, 0xb8, 0x63, 0xcf, 0xd3, 0xe8, 0x68, 0x04, 0xfe, 0x3a, 0x47, 0xf0, 0x6a,
    0x2b, 0x69, 0x48, 0x4c, 0x00, 0x00, 0x04, 0x13, 0x01, 0x13, 0x02, 0x01, 0x00, 0x00, 0xc0, 0x00, 0x00,
    0x00, 0x10, 0x00, 0x0e, 0x00, 0x00, 0x0b, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e, 0x63, 0x6f,
    0x6d, 0xff, 0x01, 0x00, 0x01, 0x00, 0x00, 0x0a, 0x00, 0x08, 0x00, 0x06, 0x00, 0x1d, 0x00, 0x17, 0x00,
    0x18, 0x00, 0x10, 0x00, 0x07, 0x00, 0x05, 0x04, 0x61, 0x6c, 0x70, 0x6e, 0x00, 0x05, 0x00, 0x05, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x33, 0x00, 0x26, 0x00, 0x24, 0x00, 0x1d, 0x00, 0x20, 0x93, 0x70, 0xb2,
    0xc9, 0xca, 0xa4, 0x7f, 0xba, 0xba, 0xf4, 0x55, 0x9f, 0xed, 0xba, 0x75, 0x3d, 0xe1, 0x71, 0xfa, 0x71,
    0xf5, 0x0f, 0x1c, 0xe1, 0x5d, 0x43, 0xe9, 0x94, 0xec, 0x74, 0xd7, 0x48, 0x00, 0x2b, 0x00, 0x03, 0x02,
    0x03, 0x04, 0x00, 0x0d, 0x00, 0x10, 0x00, 0x0e, 0x04, 0x03, 0x05, 0x03, 0x06, 0x03, 0x02, 0x03, 0x08,
    0x04, 0x08, 0x05, 0x08, 0x06, 0x00, 0x2d, 0x00, 0x02, 0x01, 0x01, 0x00, 0x1c, 0x00, 0x02, 0x40, 0x01,
    0x00, 0x39, 0x00, 0x32, 0x04, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x05, 0x04, 0x80,
    0x00, 0xff, 0xff, 0x07, 0x04, 0x80, 0x00, 0xff, 0xff, 0x08, 0x01, 0x10, 0x01, 0x04, 0x80, 0x00, 0x75,
    0x30, 0x09, 0x01, 0x10, 0x0f, 0x08, 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08, 0x06, 0x04, 0x80,
    0x00, 0xff, 0xff};

struct bytes {
   uint8_t b[4096];
   size_t n;
};

static void put(struct bytes *m, const void *p, size_t n)
{
   assert_true(m->n + n <= sizeof(m->b));
   memcpy(m->b + m->n, p, n);
   m->n += n;
}

static void put_integer(struct bytes *m, size_t v, unsigned size)
{
   static const uint8_t prefix[] = {0, 0, 0x40, 0, 0x80};
   for (unsigned i = 0; i < size; i++) {
      m->b[m->n++] = (uint8_t) (v >> (8 * (size - 1 - i)) | (i == 0 ? prefix[size] : 0));
   }
}

static void put_crypto(struct bytes *frames, const uint8_t *message, size_t offset, size_t n)
{
   frames->b[frames->n++] = 6;
   put_integer(frames, offset, 2);
   put_integer(frames, n, 2);
   put(frames, message + offset, n);
}

/* The start of a long header: first byte, version, ids. */
static void put_header(struct bytes *m, unsigned first, uint32_t version, struct span dcid, struct span scid)
{
   uint8_t v[] = {(uint8_t) first, (uint8_t) (version >> 24), (uint8_t) (version >> 16),
                  (uint8_t) (version >> 8), (uint8_t) version};
   put(m, v, sizeof(v));
   m->b[m->n++] = (uint8_t) dcid.n;
   put(m, dcid.p, dcid.n);
   m->b[m->n++] = (uint8_t) scid.n;
   put(m, scid.p, scid.n);
}

static void encrypt(const struct quic_keys *keys, struct bytes *m, size_t number_at, size_t body_at)
{
   uint8_t mask[16], nonce[12];
   int n;
   EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
   memcpy(nonce, keys->iv, sizeof(nonce));
   for (size_t i = 0; i < 4; i++) {
      nonce[8 + i] ^= m->b[number_at + i];
   }
   assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys->key, nonce), 1);
   EVP_EncryptUpdate(c, NULL, &n, m->b, (int) body_at);
   EVP_EncryptUpdate(c, m->b + body_at, &n, m->b + body_at, (int) (m->n - body_at));
   assert_int_equal(EVP_EncryptFinal_ex(c, m->b + m->n, &n), 1);
   EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, m->b + m->n);
   m->n += TAG;
   assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, keys->header, NULL), 1);
   EVP_EncryptUpdate(c, mask, &n, m->b + number_at + 4, 16);
   EVP_CIPHER_CTX_free(c);
   m->b[0] ^= mask[0] & 0x0f;
   for (size_t i = 0; i < 4; i++) {
      m->b[number_at + i] ^= mask[1 + i];
   }
}

static uint32_t protected_as; /* put_initial() takes the keys of this version; 0: of the packet's own */

/* An Initial of the size of a datagram; packet numbers have four bytes, as in the RFC's example. */
static void put_initial(struct bytes *m, uint32_t version, struct span dcid, struct span scid,
                        struct span token, unsigned number, const struct bytes *frames)
{
   struct quic_keys keys;
   struct bytes packet = {.n = 0};
   put_header(&packet, version == V2 ? 0xd3 : 0xc3, version, dcid, scid);
   put_integer(&packet, token.n, token.n < 64 ? 1 : 2);
   put(&packet, token.p, token.n);
   put_integer(&packet, DATAGRAM - packet.n - 2, 2);
   size_t number_at = packet.n;
   put(&packet, (uint8_t[]){0, 0, 0, (uint8_t) number}, 4);
   size_t body_at = packet.n;
   put(&packet, frames->b, frames->n);
   assert_true(packet.n <= DATAGRAM - TAG);
   memset(packet.b + packet.n, 0, DATAGRAM - TAG - packet.n);
   packet.n = DATAGRAM - TAG;
   quic_client_keys(quic_protection_of(protected_as != 0 ? protected_as : version), dcid, &keys);
   encrypt(&keys, &packet, number_at, body_at);
   put(m, packet.b, packet.n);
}

static struct span text(const char *s)
{
   return span_of(s, strlen(s));
}

static const struct span no_id = {.p = "", .n = 0};

static void hello_initial(struct bytes *m, uint32_t version, const char *dcid, const char *scid,
                          const uint8_t *hello)
{
   struct bytes frames = {.n = 0};
   put_crypto(&frames, hello, 0, sizeof(rfc_hello));
   put_initial(m, version, text(dcid), text(scid), no_id, 0, &frames);
}

static void send_bytes(struct rig *r, bool from_server, const struct bytes *m)
{
   rig_packet(r, from_server, 0, m->b, m->n);
}

/* ----------------------------------------------------------------------- tests */

static void keys_are_those_of_the_standards(void **state)
{
   struct quic_keys keys;
   struct span dcid = span_of(rfc_dcid, sizeof(rfc_dcid));
   (void) state;
   quic_client_keys(quic_protection_of(V1), dcid, &keys);
   assert_memory_equal(keys.key, "\x1f\x36\x96\x13\xdd\x76\xd5\x46\x77\x30\xef\xcb\xe3\xb1\xa2\x2d", 16);
   assert_memory_equal(keys.iv, "\xfa\x04\x4b\x2f\x42\xa3\xfd\x3b\x46\xfb\x25\x5c", 12);
   assert_memory_equal(keys.header, "\x9f\x50\x44\x9e\x04\xa0\xe8\x10\x28\x3a\x1e\x99\x33\xad\xed\xd2", 16);
   quic_client_keys(quic_protection_of(V2), dcid, &keys);
   assert_memory_equal(keys.key, "\x8b\x1a\x0b\xc1\x21\x28\x42\x90\xa2\x9e\x09\x71\xb5\xcd\x04\x5d", 16);
   assert_memory_equal(keys.iv, "\x91\xf7\x3e\x23\x51\xd8\xfa\x91\x66\x0e\x90\x9f", 12);
   assert_memory_equal(keys.header, "\x45\xb9\x5e\x15\x23\x5d\x6f\x45\xa6\xb1\x9c\xbc\xb0\x29\x4b\xa9", 16);
}

static void the_initial_of_rfc_9001_gives_its_server_name(void **state)
{
   struct bytes m = {.n = 0}, frames = {.n = 0};
   (void) state;
   frames.b[0] = 6; /* the RFC's frame has an offset of one byte */
   frames.b[1] = 0;
   frames.n = 2;
   put_integer(&frames, sizeof(rfc_hello), 2);
   put(&frames, rfc_hello, sizeof(rfc_hello));
   put_initial(&m, V1, span_of(rfc_dcid, sizeof(rfc_dcid)), no_id, no_id, 2, &frames);
   /* The packet made here equals the RFC's: its header, the start of its body, and its tag. */
   assert_memory_equal(m.b, "\xc0\0\0\0\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\0\x44\x9e\x7b\x9a\xec\x34",
                       22);
   assert_memory_equal(m.b + 22, "\xd1\xb1\xc9\x8d\xd7\x68\x9f\xb8\xec\x11\xd2\x42\xb1\x23\xdc\x9b", 16);
   assert_memory_equal(m.b + m.n - TAG, "\xe2\x21\xaf\x44\x86\x00\x18\xab\x08\x56\x97\x2e\x19\x4c\xd9\x34",
                       TAG);
   struct rig *r = rig_new("quic", "", true, 4433);
   send_bytes(r, false, &m);
   assert_string_equal(rig_string(r, 0, "QUIC_SNI"), "example.com");
   assert_int_equal(rig_number(r, 0, "QUIC_CH_PARSED"), 1);
   assert_int_equal(rig_number(r, 0, "QUIC_VERSION"), V1);
   assert_int_equal(rig_number(r, 0, "QUIC_CLIENT_VERSION"), V1);
   assert_int_equal(rig_number(r, 0, "QUIC_SERVER_PORT"), 4433);
   assert_int_equal(rig_number(r, 0, "QUIC_TOKEN_LENGTH"), 0);
   assert_int_equal(rig_elements(r, 0, "QUIC_TLS_EXT_TYPE"), 11);
   assert_int_equal(rig_element(r, 0, "QUIC_TLS_EXT_LEN", 10), 50);
   assert_memory_equal(rig_string(r, 0, "QUIC_OSCID"), rfc_dcid, sizeof(rfc_dcid));
   assert_memory_equal(rig_string(r, 0, "QUIC_TLS_EXT"),
                       "\0\x05\x04"
                       "alpn\x04\x08\xff",
                       10);
   rig_free(r);
}

static void version_2_has_types_and_keys_of_its_own(void **state)
{
   struct bytes m = {.n = 0};
   (void) state;
   struct rig *r = rig_new("quic", "", true, 443);
   hello_initial(&m, V2, "destination", "source", rfc_hello);
   send_bytes(r, false, &m);
   assert_string_equal(rig_string(r, 0, "QUIC_SNI"), "example.com");
   assert_string_equal(rig_string(r, 0, "QUIC_OSCID"), "destination");
   assert_string_equal(rig_string(r, 0, "QUIC_OCCID"), "source");
   assert_int_equal(rig_element(r, 0, "QUIC_PACKETS", 0) & 0xff, 0x81);
   rig_free(r);
}

static void a_hello_over_two_datagrams_is_put_together(void **state)
{
   (void) state;
   for (unsigned swapped = 0; swapped < 2; swapped++) {
      struct bytes first = {.n = 0}, second = {.n = 0}, frames = {.n = 0};
      struct rig *r = rig_new("quic", "", true, 443);
      /* As browsers send it: CRYPTO frames out of order, with PADDING and PING frames between them. */
      put_crypto(&frames, rfc_hello, 150, 20);
      put(&frames, "\0\0\x01\0", 4);
      put_crypto(&frames, rfc_hello, 0, 100);
      put_initial(&first, V1, text("destination"), no_id, no_id, 0, &frames);
      frames.n = 0;
      put(&frames, "\x02\x05\0\x01\0\0\0", 7); /* an acknowledgement with one more range */
      put_crypto(&frames, rfc_hello, 170, sizeof(rfc_hello) - 170);
      put_crypto(&frames, rfc_hello, 90, 60);
      put_initial(&second, V1, text("destination"), no_id, no_id, 1, &frames);
      send_bytes(r, false, swapped ? &second : &first);
      send_bytes(r, false, swapped ? &first : &second);
      assert_string_equal(rig_string(r, 0, "QUIC_SNI"), "example.com");
      assert_int_equal(rig_number(r, 0, "QUIC_MULTIPLEXED"), 0);
      rig_free(r);
   }
}

static void a_hello_with_a_gap_gives_no_name(void **state)
{
   struct bytes m = {.n = 0}, frames = {.n = 0};
   (void) state;
   struct rig *r = rig_new("quic", "", true, 443);
   put_crypto(&frames, rfc_hello, 0, 100);
   put_crypto(&frames, rfc_hello, 101, sizeof(rfc_hello) - 101);
   put_initial(&m, V1, text("destination"), no_id, no_id, 0, &frames);
   send_bytes(r, false, &m);
   assert_string_equal(rig_string(r, 0, "QUIC_SNI"), "");
   assert_int_equal(rig_number(r, 0, "QUIC_CH_PARSED"), 0);
   assert_int_equal(rig_number(r, 0, "QUIC_TOKEN_LENGTH"), UINT64_MAX);
   rig_free(r);
}

static void both_sides_and_all_kinds_of_packets(void **state)
{
   struct bytes m = {.n = 0};
   (void) state;
   struct rig *r = rig_new("quic", "", true, 443);
   hello_initial(&m, V1, "destination", "client", rfc_hello);
   send_bytes(r, false, &m);
   m.n = 0; /* Retry */
   put_header(&m, 0xf0, V1, text("client"), text("again"));
   put(&m, "token of 17 bytes0123456789abcdef", 33);
   send_bytes(r, true, &m);
   m.n = 0; /* the same ClientHello with the keys of the Retry's id, and 0-RTT after it in the datagram */
   struct bytes frames = {.n = 0};
   put_crypto(&frames, rfc_hello, 0, sizeof(rfc_hello));
   put_initial(&m, V1, text("again_id"), text("client"), text("token of 17 bytes"), 1, &frames);
   put_header(&m, 0xd0, V1, text("again_id"), text("client"));
   put(&m, "\x04rest", 5);
   send_bytes(r, false, &m);
   m.n = 0; /* a server's Initial, which is never opened, with its Handshake */
   put_header(&m, 0xc0, V1, text("client"), span_of("se\0ver", 6));
   put(&m, "\0\x04rest", 6);
   put_header(&m, 0xe0, V1, text("client"), span_of("se\0ver", 6));
   put(&m, "\x04rest", 5);
   send_bytes(r, true, &m);
   rig_packet(r, false, 0, "\x40short header", 13);
   rig_flush(r);
   assert_int_equal(r->n_records, 1);
   assert_string_equal(rig_string(r, 0, "QUIC_RETRY_SCID"), "again");
   assert_memory_equal(rig_string(r, 0, "QUIC_SCID"), "se\0ver", 6);
   assert_int_equal(rig_number(r, 0, "QUIC_TOKEN_LENGTH"), 17);
   assert_int_equal(rig_number(r, 0, "QUIC_ZERO_RTT"), 1);
   assert_int_equal(rig_number(r, 0, "QUIC_MULTIPLEXED"), 0);
   assert_int_equal(rig_elements(r, 0, "QUIC_PACKETS"), 4);
   static const uint8_t kinds[] = {0x81, 0x88, 0x83, 0x85};
   for (unsigned i = 0; i < 4; i++) {
      assert_int_equal(rig_element(r, 0, "QUIC_PACKETS", i) & 0xff, kinds[i]);
   }
   rig_free(r);
}

static void other_hellos_are_counted_once_each(void **state)
{
   uint8_t hello[sizeof(rfc_hello)];
   (void) state;
   struct rig *r = rig_new("quic", "", true, 443);
   for (unsigned i = 0; i < 6; i++) { /* 0 1 2, each sent again */
      struct bytes m = {.n = 0};
      char dcid[] = "connection0";
      dcid[10] = (char) ('0' + i / 2);
      memcpy(hello, rfc_hello, sizeof(hello));
      hello[10] = (uint8_t) (i / 2);
      hello_initial(&m, V1, dcid, "", hello);
      send_bytes(r, false, &m);
   }
   assert_int_equal(rig_number(r, 0, "QUIC_MULTIPLEXED"), 2);
   assert_string_equal(rig_string(r, 0, "QUIC_OSCID"), "connection0");
   rig_free(r);
}

static void ids_that_differ_after_a_zero_are_different(void **state)
{
   uint8_t hello[sizeof(rfc_hello)];
   struct bytes m = {.n = 0}, frames = {.n = 0};
   (void) state;
   struct rig *r = rig_new("quic", "", true, 443);
   put_crypto(&frames, rfc_hello, 0, sizeof(rfc_hello));
   put_initial(&m, V1, span_of("\0\0\0\0\0\0\0\1", 8), no_id, no_id, 0, &frames);
   send_bytes(r, false, &m);
   memcpy(hello, rfc_hello, sizeof(hello));
   hello[20]++;
   frames.n = m.n = 0;
   put_crypto(&frames, hello, 0, sizeof(hello));
   put_initial(&m, V1, span_of("\0\0\0\0\0\0\0\2", 8), no_id, no_id, 0, &frames);
   send_bytes(r, false, &m);
   assert_int_equal(rig_number(r, 0, "QUIC_MULTIPLEXED"), 1);
   rig_free(r);
}

static void a_negotiation_of_versions_ends_the_record(void **state)
{
   struct bytes m = {.n = 0};
   (void) state;
   struct rig *r = rig_new("quic", "", true, 443);
   hello_initial(&m, 0x1a2a3a4a, "destination", "client", rfc_hello);
   send_bytes(r, false, &m);
   m.n = 0;
   put_header(&m, 0x80, 0, text("client"), text("destination"));
   put(&m, "\0\0\0\x01\x6b\x33\x43\xcf", 8);
   send_bytes(r, true, &m);
   m.n = 0;
   hello_initial(&m, V1, "destination", "client", rfc_hello);
   send_bytes(r, false, &m);
   rig_flush(r);
   assert_int_equal(r->n_records, 2);
   assert_int_equal(rig_number(r, 0, "QUIC_VERSION"), 0x1a2a3a4a);
   assert_int_equal(rig_element(r, 0, "QUIC_PACKETS", 1) & 0xff, 0x10);
   assert_int_equal(rig_number(r, 1, "QUIC_VERSION"), V1);
   rig_free(r);
}

static void a_hello_that_forces_negotiation_has_the_keys_of_another_version(void **state)
{
   const uint32_t versions[] = {V1, 0xff00001d};
   (void) state;
   for (unsigned i = 0; i < 2; i++) {
      struct bytes m = {.n = 0};
      struct rig *r = rig_new("quic", "", true, 443);
      protected_as = versions[i];
      hello_initial(&m, 0x1a2a3a4a, "destination", "client", rfc_hello);
      protected_as = 0;
      send_bytes(r, false, &m);
      assert_string_equal(rig_string(r, 0, "QUIC_SNI"), "example.com");
      rig_free(r);
   }
}

static void the_user_agent_is_found_among_the_parameters(void **state)
{
   uint8_t hello[sizeof(rfc_hello)];
   struct bytes m = {.n = 0};
   (void) state;
   struct rig *r = rig_new("quic", "", true, 443);
   memcpy(hello, rfc_hello, sizeof(hello));
   memcpy(hello + sizeof(hello) - 50, "\x71\x29\x2e", 3); /* of 46 bytes; then one of 1 byte */
   memcpy(hello + sizeof(hello) - 47, "Agent/1 of the test, which has 46 characters..\x01", 47);
   hello_initial(&m, V1, "destination", "", hello);
   send_bytes(r, false, &m);
   assert_string_equal(rig_string(r, 0, "QUIC_USER_AGENT"), "Agent/1 of the test, which has 46 characters..");
   rig_free(r);
}

static void what_is_no_quic_gives_nothing(void **state)
{
   static const struct {
      const char *bytes;
      size_t n;
   } payloads[] = {
       {"\x80\x60\x12\x34\0\0\0\xa0\x11\x22\x33\x44voice of RTP", 24}, /* no known version */
       {"\x80\0\0\0\0\x15"
        "0123456789012345678901234567890",
        38}, /* an id of 21 bytes */
       {"\xc0\0\0\0\x01\0\0\x40\x64"
        "0123456789",
        19}, /* a token longer than the datagram */
       {"\xc0\0\0\0\x01\0\0\0\x44\xff"
        "0123456789",
        20},                                 /* so is its length */
       {"\x80\0\0\0\0\0\0\x01\x02\x03", 10}, /* versions cut off */
       {"\xf0\0\0\0\x01\0\0"
        "no room for a",
        20}, /* Retry without a tag */
   };
   (void) state;
   for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
      struct rig *r = rig_new("quic", "", true, 443);
      rig_packet(r, false, 0, payloads[i].bytes, payloads[i].n);
      rig_flush(r);
      assert_int_equal(r->n_records, 0);
      rig_free(r);
   }
}

static void initials_cut_anywhere_do_no_harm(void **state)
{
   struct bytes m = {.n = 0};
   (void) state;
   hello_initial(&m, V1, "destination", "client", rfc_hello);
   for (size_t n = 0; n < m.n; n++) {
      struct rig *r = rig_new("quic", "", true, 443);
      rig_packet(r, false, 0, m.b, n);
      rig_flush(r);
      assert_int_equal(r->n_records, 0);
      rig_free(r);
   }
}

static void versions_of_the_drafts(void **state)
{
   (void) state;
   static const struct {
      uint32_t version;
      uint8_t salt; /* first byte; 0: unknown */
   } versions[] = {{0xff000007, 0xaf}, {0xff00000a, 0x9c}, {0xff000014, 0xef}, {0xff000016, 0x7f},
                   {0xff00001c, 0xc3}, {0xff00001d, 0xaf}, {0xff000022, 0x38}, {0xff000023, 0},
                   {0xff000000, 0},    {0xfaceb001, 0x7f}, {0xfaceb002, 0xc3}, {0xfaceb003, 0},
                   {0xfaceb00e, 0xc3}, {0xfaceb013, 0xc3}, {0xfaceb014, 0},    {0x709a50c4, 0xa7},
                   {0x50435131, 0x30}, {0x0a1a2a3a, 0x38}, {0xabcd0003, 0xaf}, {2, 0}};
   for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
      const struct quic_protection *p = quic_protection_of(versions[i].version);
      assert_int_equal(p != NULL ? p->salt[0] : 0, versions[i].salt);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(keys_are_those_of_the_standards),
       cmocka_unit_test(the_initial_of_rfc_9001_gives_its_server_name),
       cmocka_unit_test(version_2_has_types_and_keys_of_its_own),
       cmocka_unit_test(a_hello_over_two_datagrams_is_put_together),
       cmocka_unit_test(a_hello_with_a_gap_gives_no_name),
       cmocka_unit_test(both_sides_and_all_kinds_of_packets),
       cmocka_unit_test(other_hellos_are_counted_once_each),
       cmocka_unit_test(ids_that_differ_after_a_zero_are_different),
       cmocka_unit_test(a_negotiation_of_versions_ends_the_record),
       cmocka_unit_test(the_user_agent_is_found_among_the_parameters),
       cmocka_unit_test(what_is_no_quic_gives_nothing),
       cmocka_unit_test(initials_cut_anywhere_do_no_harm),
       cmocka_unit_test(versions_of_the_drafts),
       cmocka_unit_test(a_hello_that_forces_negotiation_has_the_keys_of_another_version),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
