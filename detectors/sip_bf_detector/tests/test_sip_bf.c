/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea/module_cmocka.h>

#include "../sip_bf.h"
#include "../../common/test_flow.h"

#define MESSAGES                                                                                            \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint64 LINK_BIT_FIELD,uint8 PROTOCOL,time " \
   "TIME_FIRST,uint16 SIP_MSG_TYPE,uint16 SIP_STATUS_CODE,string SIP_CSEQ,string SIP_CALLING_PARTY"
#define BIFLOWS                                                                                             \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint64 LINK_BIT_FIELD,uint8 PROTOCOL,time " \
   "TIME_FIRST,uint32 PACKETS,uint32 PACKETS_REV,uint16 SIP_MSG_TYPE,uint16 SIP_STATUS_CODE,string "        \
   "SIP_CSEQ,string "                                                                                       \
   "SIP_CALLING_PARTY"
#define NO_MORE(t) assert_null(nm_test_next(t, 0))

/* The answer of 10.0.0.5 to a registration. */
static void answer(nm_test_t *t, unsigned second, const char *client, const char *user, unsigned status)
{
   char text[300];
   snprintf(text, sizeof(text),
            "10.0.0.5,%s,5060,40000,257,17,2024-01-01T%02u:%02u:%02u,99,%u,1 REGISTER,sip:%s@example.com",
            client, second / 3600, second / 60 % 60, second % 60, status, user);
   nm_unit_feed(t, text);
}

static const char *end(nm_test_t *t)
{
   nm_test_finish(t);
   return nm_test_next(t, 0);
}

/* Responses in the reverse direction of a flow, and only there. */
static void test_biflows(void **state)
{
   char text[300];
   nm_test_t *t = nm_unit_start("-a 10", BIFLOWS);
   (void) state;
   for (unsigned i = 0; i < 12; i++) {
      snprintf(text, sizeof(text),
               "2001:db8::7,2001:db8::5,40000,5060,1,17,2024-01-01T00:01:%02u,0,1,99,401,7 "
               "REGISTER,sips:bob@example.com;x",
               i);
      nm_unit_feed(t, text);
      snprintf(text, sizeof(text),
               "2001:db8::7,2001:db8::5,40000,5060,1,17,2024-01-01T00:01:%02u,1,0,5,0,7 "
               "REGISTER,sip:bob@example.com",
               i);
      nm_unit_feed(t, text);
   }
   assert_string_equal(
       end(t),
       "2001:db8::7,2001:db8::5,1970-01-01T00:00:00.000000,2024-01-01T00:01:11.000000,202401010001000000,"
       "2024-01-01T00:01:00.000000,1,12,12,5060,40000,0,17,\"bob@example.com\"");
   NO_MORE(t);
   nm_test_free(t);
}

/* Each event has an id of its own, also when others came in between. */
static void test_ids(void **state)
{
   char first[300], user[16];
   nm_test_t *t = nm_unit_start("-a 2 -f 10 -c 5", MESSAGES);
   (void) state;
   for (unsigned i = 0; i < 3; i++) {
      snprintf(user, sizeof(user), "u%u", i);
      answer(t, i == 1 ? 3630 : 30, "192.0.2.1", user, 401);
      answer(t, i == 1 ? 3631 : 31, "192.0.2.1", user, 401);
   }
   answer(t, 7200, "192.0.2.9", "x", 401);
   snprintf(first, sizeof(first), "%s", nm_test_next(t, 0));
   assert_non_null(strstr(first, ",202401010000300000,"));
   const char *second = nm_test_next(t, 0), *third;
   assert_non_null(second);
   bool hour = strstr(second, ",202401010100300000,") != NULL;
   assert_true(hour || strstr(second, ",202401010000300001,") != NULL);
   third = nm_test_next(t, 0);
   assert_non_null(third);
   assert_non_null(strstr(third, hour ? ",202401010000300001," : ",202401010100300000,"));
   nm_test_free(t);
}

static void test_distributed_breach(void **state)
{
   char client[32];
   nm_test_t *t = nm_unit_start("", MESSAGES);
   (void) state;
   for (unsigned i = 0; i < 60; i++) {
      snprintf(client, sizeof(client), "192.0.2.%u", 1 + i % 6);
      answer(t, i, client, "bob", 401);
   }
   answer(t, 70, "192.0.2.3", "bob", 200);
   /* Ten from each: one of the sixth client has no pair, as all of its others. */
   assert_string_equal(
       end(t), "192.0.2.3,10.0.0.5,2024-01-01T00:01:10.000000,2024-01-01T00:01:10.000000,202401010000000001,"
               "2024-01-01T00:00:00.000000,1,61,10,5060,0,1,17,\"bob@example.com\"");
   NO_MORE(t);
   nm_test_free(t);
}

/* A user that registers often behind the same name, or from many places, is none. */
static void test_many_ok(void **state)
{
   char client[32], user[16];
   nm_test_t *t = nm_unit_start("", MESSAGES);
   (void) state;
   for (unsigned i = 0; i < 60; i++) {
      snprintf(client, sizeof(client), "192.0.2.%u", 1 + i % 5);
      answer(t, i, client, "bob", 401);
      snprintf(user, sizeof(user), "u%u", i % 25);
      answer(t, i, "192.0.2.100", user, 401);
   }
   for (unsigned i = 0; i < 6; i++) {
      answer(t, 100 + i, "192.0.2.1", "bob", 200);
      answer(t, 100 + i, "192.0.2.100", "u1", 200);
   }
   assert_null(end(t));
   nm_test_free(t);
}

/* Who tries users at random takes no memory for each of them. */
static void test_random_users(void **state)
{
   char user[16];
   nm_test_t *t = nm_unit_start("", MESSAGES);
   (void) state;
   for (unsigned i = 0; i < 2000; i++) {
      snprintf(user, sizeof(user), "r%u", i);
      answer(t, i / 10, "192.0.2.7", user, 401);
   }
   assert_int_equal(nc_table_count(((struct sip_bf *) nm_self(nm_test_module(t)))->users), 25);
   assert_string_equal(
       end(t), "192.0.2.7,10.0.0.5,1970-01-01T00:00:00.000000,2024-01-01T00:03:19.000000,202401010000000001,"
               "2024-01-01T00:00:00.000000,1,2000,1,5060,40000,2,17,\"\"");
   NO_MORE(t);
   nm_test_free(t);
}

/* Exchanges that know no such user say so at once; others refuse a wrong password with 403. */
static void test_refusals(void **state)
{
   char user[16];
   nm_test_t *t = nm_unit_start("", MESSAGES);
   (void) state;
   for (unsigned i = 0; i < 60; i++) {
      snprintf(user, sizeof(user), "r%u", i);
      answer(t, i, "192.0.2.7", user, i % 9 == 0 ? 401 : 404);
      answer(t, i, "192.0.2.8", "bob", i % 2 == 0 ? 401 : 403);
      answer(t, i, "192.0.2.9", "eve", 486); /* says nothing about users and passwords */
   }
   assert_non_null(strstr(end(t), ",60,1,5060,40000,2,17,"));
   assert_non_null(strstr(nm_test_next(t, 0), ",60,60,5060,40000,0,17,"));
   NO_MORE(t);
   nm_test_free(t);
}

/* Tables are full all the time: nothing is left that points to what was evicted, and an attack that goes on is found. */
static void test_full_tables(void **state)
{
   char client[32], user[16];
   nm_test_t *t = nm_unit_start("--users 16 --clients 16 --pairs 32 --servers 4", MESSAGES);
   (void) state;
   for (unsigned i = 0; i < 5000; i++) {
      snprintf(client, sizeof(client), "192.0.%u.%u", i % 200, i % 7);
      snprintf(user, sizeof(user), "r%u", i % 91);
      answer(t, i / 10, client, user, i % 3 == 0 ? 200 : 401);
      if (i % 10 == 0) {
         answer(t, i / 10, "198.51.100.1", "bob", 401);
      }
   }
   struct sip_bf *self = nm_self(nm_test_module(t));
   assert_true(nc_table_count(self->users) <= 16 && nc_table_count(self->clients) <= 16 &&
               nc_table_count(self->pairs) <= 32);
   bool found = false;
   for (const char *alert = end(t); alert != NULL; alert = nm_test_next(t, 0)) {
      found |= strstr(alert, "198.51.100.1,10.0.0.5") != NULL;
   }
   assert_true(found);
   assert_int_equal(nc_table_count(self->pairs), 0);
   nm_test_free(t);
}

static bool party(const char *text, const char *user, const char *domain)
{
   struct message msg;
   return message_party(&msg, text, (uint32_t) strlen(text)) && msg.user_length == strlen(user) &&
          memcmp(msg.user, user, msg.user_length) == 0 && message_domain(&msg) == strlen(domain) &&
          memcmp(msg.domain, domain, strlen(domain)) == 0;
}

static void test_texts(void **state)
{
   struct message msg;
   (void) state;
   assert_true(party("sip:bob@example.com", "bob", "example.com"));
   assert_true(party("sips:bob@example.com;tag=1", "bob", "example.com"));
   assert_true(party("sip:bob@example.com?a=b@c", "bob", "example.com"));
   assert_true(party("sip:12345678901234567890123456789012345678901234567890123@d",
                     "12345678901234567890123456789012345678901234567890", "d"));
   assert_true(party("sip:b@", "b", ""));
   assert_false(message_party(&msg, "tel:bob@example.com", 19));
   assert_false(message_party(&msg, "sip:example.com", 15));
   assert_false(message_party(&msg, "sip:;bob@example.com", 20));
   assert_false(message_party(&msg, "sip:bob?a=b@example.com", 23));
   assert_false(message_party(&msg, "sip:bob", 7));
   assert_false(message_party(&msg, "sips", 4));
   assert_false(message_party(&msg, "sip:@example.com", 16));
   assert_false(message_party(&msg, "", 0));
   assert_true(message_is_register("12 REGISTER", 11));
   assert_false(message_is_register("12 INVITE", 9));
   assert_false(message_is_register("RE", 2));
}

static void test_errors(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-a 0");
   assert_non_null(nm_test_error(t));
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_biflows),
       cmocka_unit_test(test_ids),
       cmocka_unit_test(test_distributed_breach),
       cmocka_unit_test(test_many_ok),
       cmocka_unit_test(test_random_users),
       cmocka_unit_test(test_refusals),
       cmocka_unit_test(test_full_tables),
       cmocka_unit_test(test_texts),
       cmocka_unit_test(test_errors),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
