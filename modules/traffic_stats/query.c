/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"
#include "store.h"

#include <nemea-common/nc_table.h>
#include <stdlib.h>
#include <string.h>

#define DAY        86400
#define KEYS_MAX   8192 /* peers, or ports, of a host that are added up; beyond, those met once give way */
#define KEYS_SHOWN 20

#define AMOUNTS "address, in_flows, in_packets, in_bytes, out_flows, out_packets, out_bytes"

/* ?1 step */
#define TRAFFIC                                                                                         \
   "SELECT time / ?1 * ?1 AS begin, protocol, CAST(total(flows) AS INTEGER), CAST(total(packets) AS "   \
   "INTEGER),"                                                                                          \
   " CAST(total(bytes) AS INTEGER) FROM traffic WHERE step = ?2 AND time >= ?3 AND time < ?4 GROUP BY " \
   "begin, protocol"

/* The hosts of whole hours from ?3 to ?4, of the minutes before and after these in ?1 to ?2, and of open minutes. */
#define HOSTS(columns)                                                                      \
   "SELECT " columns " FROM host WHERE step = 3600 AND time >= ?3 AND time < ?4 UNION ALL " \
   "SELECT " columns " FROM host WHERE step = 60 AND time >= ?1 AND time < ?3 UNION ALL "   \
   "SELECT " columns " FROM host WHERE step = 60 AND time >= ?4 AND time < ?2 UNION ALL "   \
   "SELECT " columns " FROM open_host WHERE time >= ?1 AND time < ?2"
/* ?5, ?6: 1 if what came in, or went out, is counted; ?7 measure; ?8 limit */
#define TOP                                                                       \
   "SELECT address, CAST(total(?5 * in_flows + ?6 * out_flows) AS INTEGER) AS f," \
   " CAST(total(?5 * in_packets + ?6 * out_packets) AS INTEGER) AS p,"            \
   " CAST(total(?5 * in_bytes + ?6 * out_bytes) AS INTEGER) AS b FROM (" HOSTS(   \
       AMOUNTS) ") GROUP BY address"                                              \
                " ORDER BY CASE ?7 WHEN 0 THEN b WHEN 1 THEN p ELSE f END DESC, address LIMIT ?8"

/* One look for each time that there is: no index by address is needed. */
#define HOST                                                                                                 \
   "SELECT h.* FROM (SELECT DISTINCT time FROM traffic WHERE step = ?1 AND time >= ?2 AND time < ?3) t "     \
   "CROSS JOIN host h"                                                                                       \
   " ON h.step = ?1 AND h.time = t.time AND h.address = ?4 UNION ALL"                                        \
   " SELECT 60, o.* FROM (SELECT DISTINCT time FROM open_host WHERE time >= ?2 AND time < ?3) t CROSS JOIN " \
   "open_host o"                                                                                             \
   " ON o.time = t.time AND o.address = ?4 ORDER BY 2"

static void failed(struct query_state *q, struct answer *a, int rc)
{
   sql_failed(q->sql, rc, "ask for a shorter time", a);
}

bool query_open(struct query_state *q, const char *path, struct request_client *client,
                char why[REQUEST_ERROR])
{
   static const char *const texts[SELECTS] = {
       [SELECT_TRAFFIC] = TRAFFIC, [SELECT_TOP] = TOP, [SELECT_HOST] = HOST};
   int rc = sql_connect(path, client, &q->sql);
   rc = rc == SQLITE_OK ? sqlite3_exec(q->sql, "PRAGMA query_only = ON", NULL, NULL, NULL) : rc;
   for (int i = 0; rc == SQLITE_OK && i < SELECTS; i++) {
      rc = sqlite3_prepare_v2(q->sql, texts[i], -1, &q->selects[i], NULL);
   }
   if (rc != SQLITE_OK) {
      request_refuse(why, "the database cannot be opened: %s",
                     q->sql != NULL ? sqlite3_errmsg(q->sql) : "out of memory");
      query_close(q);
      return false;
   }
   return true;
}

void query_close(struct query_state *q)
{
   for (int i = 0; i < SELECTS; i++) {
      sqlite3_finalize(q->selects[i]);
   }
   sqlite3_close(q->sql);
   memset(q, 0, sizeof(*q));
}

/* ----------------------------------------------------------------------- times */

static int64_t down(int64_t time, int64_t step)
{
   int64_t rest = time % step;
   return time - rest - (rest < 0 ? step : 0);
}

static int64_t up(int64_t time, int64_t step)
{
   return down(time, step) == time ? time : down(time, step) + step;
}

/* Whole minutes of what is there; without times: the last hour. */
static void complete_times(struct query_state *q, struct traffic_request *r)
{
   int64_t newest = sql_number(q->sql, "SELECT max(time) FROM traffic WHERE step = 60", 0);
   int64_t first = sql_number(q->sql, "SELECT min(time) FROM traffic WHERE step = 3600", 0);
   int64_t end = newest + MINUTE;
   r->until = r->has_until && r->until < end ? r->until : end;
   r->since = r->has_since ? r->since : r->until - HOUR;
   r->since = down(r->since > first ? r->since : first, MINUTE);
   r->until = up(r->until, MINUTE);
}

/* ------------------------------------------------------------------------ rows */

static json_t *amount_json(const struct amount *a)
{
   return json_pack("{s:I,s:I,s:I}", "flows", (json_int_t) a->flows, "packets", (json_int_t) a->packets,
                    "bytes", (json_int_t) a->bytes);
}

static void end_answer(struct query_state *q, struct answer *a, int rc, bool more)
{
   if (rc != SQLITE_DONE && !more) {
      failed(q, a, rc);
   } else if (more) {
      answer_line(a, json_pack("{s:b,s:b}", "ok", 1, "more", 1));
   } else {
      answer_line(a, json_pack("{s:b}", "ok", 1));
   }
}

static void answer_traffic(struct query_state *q, const struct traffic_request *r, struct answer *a)
{
   sqlite3_stmt *s = q->selects[SELECT_TRAFFIC];
   int64_t step = r->step != 0 ? r->step : MINUTE, unit = step % HOUR == 0 ? HOUR : MINUTE;
   int rc;
   sqlite3_bind_int64(s, 1, step);
   sqlite3_bind_int64(s, 2, unit);
   sqlite3_bind_int64(s, 3, down(r->since, unit));
   sqlite3_bind_int64(s, 4, r->until);
   while ((rc = sqlite3_step(s)) == SQLITE_ROW && a->size < ANSWER_MAX) {
      answer_line(a, json_pack("{s:I,s:i,s:I,s:I,s:I}", "time", (json_int_t) sqlite3_column_int64(s, 0),
                               "protocol", sqlite3_column_int(s, 1), "flows",
                               (json_int_t) sqlite3_column_int64(s, 2), "packets",
                               (json_int_t) sqlite3_column_int64(s, 3), "bytes",
                               (json_int_t) sqlite3_column_int64(s, 4)));
   }
   end_answer(q, a, rc, rc == SQLITE_ROW);
   sqlite3_reset(s);
}

static void answer_top(struct query_state *q, const struct traffic_request *r, struct answer *a)
{
   sqlite3_stmt *s = q->selects[SELECT_TOP];
   /* Where minutes are not kept any more, hours are counted as a whole. */
   int64_t oldest = sql_number(q->sql, "SELECT min(time) FROM traffic WHERE step = 60", 0);
   int64_t since = r->since >= oldest ? r->since : down(r->since, HOUR);
   int64_t first_hour = up(since, HOUR), end_hour = down(r->until, HOUR);
   end_hour = end_hour > first_hour ? end_hour : first_hour;
   const int64_t numbers[] = {
       since, r->until, first_hour, end_hour, r->direction != DIRECTION_OUT, r->direction != DIRECTION_IN,
       r->by, r->limit};
   int rc;
   for (int i = 0; i < 8; i++) {
      sqlite3_bind_int64(s, i + 1, numbers[i]);
   }
   while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
      char text[INET6_ADDRSTRLEN];
      const char *bytes = sqlite3_column_blob(s, 0);
      int size = sqlite3_column_bytes(s, 0);
      if (bytes == NULL || (size != 4 && size != 16)) {
         continue;
      }
      ip_addr_t address = size == 4 ? ip_from_4_bytes_be(bytes) : ip_from_16_bytes_be(bytes);
      ip_to_str(&address, text);
      answer_line(a, json_pack("{s:s,s:I,s:I,s:I}", "address", text, "flows",
                               (json_int_t) sqlite3_column_int64(s, 1), "packets",
                               (json_int_t) sqlite3_column_int64(s, 2), "bytes",
                               (json_int_t) sqlite3_column_int64(s, 3)));
   }
   end_answer(q, a, rc, false);
   sqlite3_reset(s);
}

/* ------------------------------------------------------------------------ host */

struct host_sums {
   nc_table_t *peers; /* ip_addr_t -> struct amount */
   nc_table_t *ports; /* uint32_t -> struct amount */
   json_t *traffic;
};

static bool sums_create(struct host_sums *h)
{
   const nc_table_config_t peers = {
       .capacity = KEYS_MAX, .key_size = sizeof(ip_addr_t), .value_size = sizeof(struct amount)};
   const nc_table_config_t ports = {
       .capacity = KEYS_MAX, .key_size = sizeof(uint32_t), .value_size = sizeof(struct amount)};
   h->peers = nc_table_new(&peers);
   h->ports = nc_table_new(&ports);
   h->traffic = json_array();
   return h->peers != NULL && h->ports != NULL && h->traffic != NULL;
}

static void sums_free(struct host_sums *h)
{
   nc_table_free(h->peers);
   nc_table_free(h->ports);
   json_decref(h->traffic);
}

static void add_details(struct host_sums *h, const struct detail *d)
{
   for (unsigned i = 0; i < DETAIL_ENTRIES; i++) {
      struct amount *peer = d->peer_ranks[i] != 0 ? nc_table_upsert(h->peers, &d->peers[i], NULL) : NULL;
      struct amount *port = d->port_ranks[i] != 0 ? nc_table_upsert(h->ports, &d->ports[i], NULL) : NULL;
      if (peer != NULL) {
         amount_add(peer, &d->peer_amounts[i]);
      }
      if (port != NULL) {
         amount_add(port, &d->port_amounts[i]);
      }
   }
}

/* The keys with most bytes, as JSON: those of peers or ports. */
static json_t *greatest(const nc_table_t *table, json_t *(*name)(const void *key))
{
   struct {
      const void *key;
      const struct amount *amount;
   } list[KEYS_SHOWN + 1];
   uint32_t n = 0, cursor = 0;
   const void *key;
   void *value;
   while (nc_table_next(table, &cursor, &key, &value)) {
      const struct amount *amount = value;
      uint32_t i = n < KEYS_SHOWN ? n++ : KEYS_SHOWN;
      for (; i > 0 && list[i - 1].amount->bytes < amount->bytes; i--) {
         list[i] = list[i - 1];
      }
      list[i].key = key;
      list[i].amount = amount;
   }
   json_t *rows = json_array();
   for (uint32_t i = 0; i < n; i++) {
      json_t *row = name(list[i].key), *amount = amount_json(list[i].amount);
      json_object_update(row, amount);
      json_decref(amount);
      json_array_append_new(rows, row);
   }
   return rows;
}

static json_t *peer_name(const void *key)
{
   char text[INET6_ADDRSTRLEN];
   ip_to_str(key, text);
   return json_pack("{s:s}", "address", text);
}

static json_t *port_name(const void *key)
{
   uint32_t port;
   memcpy(&port, key, sizeof(port));
   return json_pack("{s:i,s:i}", "port", (int) (port & 0xffff), "protocol", (int) (port >> 16));
}

/* Adds up rows of one time; they come in its order. */
static void add_row(struct host_sums *h, int64_t time, const struct stored_host *row, struct amount sums[2],
                    int64_t *at)
{
   if (*at != time && *at != INT64_MIN) {
      json_array_append_new(h->traffic, json_pack("{s:I,s:o,s:o}", "time", (json_int_t) *at, "in",
                                                  amount_json(&sums[0]), "out", amount_json(&sums[1])));
   }
   if (*at != time) {
      memset(sums, 0, 2 * sizeof(*sums));
   }
   *at = time;
   if (row != NULL) {
      amount_add(&sums[0], &row->in);
      amount_add(&sums[1], &row->out);
      add_details(h, &row->detail);
   }
}

static void answer_host(struct query_state *q, const struct traffic_request *r, struct answer *a)
{
   sqlite3_stmt *s = q->selects[SELECT_HOST];
   struct host_sums h;
   struct stored_host row;
   struct amount sums[2];
   uint8_t key[16];
   int64_t at = INT64_MIN, step = r->step != 0 ? r->step : r->until - r->since <= DAY ? MINUTE : HOUR;
   int64_t unit = step % HOUR == 0 ? HOUR : MINUTE;
   int rc = SQLITE_NOMEM;
   sqlite3_bind_int64(s, 1, unit);
   sqlite3_bind_int64(s, 2, down(r->since, unit));
   sqlite3_bind_int64(s, 3, r->until);
   sqlite3_bind_blob(s, 4, key, sql_address(&r->address, key), SQLITE_STATIC);
   if (sums_create(&h)) {
      while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
         if (store_read(s, 2, &row)) {
            add_row(&h, down(sqlite3_column_int64(s, 1), step), &row, sums, &at);
         }
      }
      add_row(&h, INT64_MAX, NULL, sums, &at);
   }
   if (rc == SQLITE_DONE) {
      answer_line(a, json_pack("{s:O,s:o,s:o}", "traffic", h.traffic, "peers", greatest(h.peers, peer_name),
                               "ports", greatest(h.ports, port_name)));
   }
   end_answer(q, a, rc, false);
   sqlite3_reset(s);
   sums_free(&h);
}

void query_answer(struct query_state *q, struct traffic_request *r, struct answer *a)
{
   complete_times(q, r);
   if (r->query == QUERY_TRAFFIC) {
      answer_traffic(q, r, a);
   } else if (r->query == QUERY_TOP) {
      answer_top(q, r, a);
   } else {
      answer_host(q, r, a);
   }
}
