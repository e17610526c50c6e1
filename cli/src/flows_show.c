/* SPDX-License-Identifier: BSD-3-Clause */
/** Which flows match, and how they are shown: as a table, CSV or JSON lines. */
#include "flows.h"

#include "archive_file.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <nemea-common/nc_text.h>
#include <stdlib.h>
#include <string.h>
#include <unirec/unirec2csv.h>

#define MAX_COLUMNS 256
#define HELD_ROWS   200 /* of the table, from which the widths of its columns are known */
#define MAX_WIDTH   60  /* a cell that is wider moves the rest of its line */
#define CELL        (2 * UR_MAX_SIZE + 64)

/* The columns of the usual table; the rest is behind them as NAME=VALUE. */
static const char *const usual[] = {"BEGIN (UTC)", "SECONDS", "PROTOCOL", "SOURCE", "DESTINATION",
                                    "FLAGS",       "PACKETS", "BYTES",    ""};
#define USUAL 9

struct flows_table {
   const ur_template_t *tmplt;
   nm_matcher_t *matcher;
   bool wrong, started;  /* the filter does not suit the format; a format was seen before */
   int ids[MAX_COLUMNS]; /* fields that are shown, -1: the format does not have it */
   const char *names[MAX_COLUMNS];
   unsigned n;
   char *names_copy, *header;
   bool ordinary; /* the usual table */
   unsigned n_cells;
   size_t widths[MAX_COLUMNS];
   char *held; /* cells of rows, each with its NUL */
   size_t n_held, room_held;
   unsigned n_rows;
   int src, dst, sport, dport, protocol, first, last, packets, packets_rev, bytes, bytes_rev, flags,
       flags_rev;
   char cell[CELL], more[CELL];
};

/* ---------------------------------------------------------------------- values */

static int find(const ur_template_t *tmplt, const char *name, int type)
{
   int id = ur_get_id_by_name(name);
   return id >= 0 && ur_is_present(tmplt, id) && (int) ur_get_type(id) == type ? id : -1;
}

static uint64_t number(const struct flows_table *t, const void *rec, int id)
{
   uint64_t value = 0; /* the processor's order of bytes is that of records: the least come first */
   if (id >= 0) {
      memcpy(&value, ur_get_ptr_by_id(t->tmplt, rec, id), (size_t) ur_get_size(id));
   }
   return value;
}

static ip_addr_t address(const struct flows_table *t, const void *rec, int id)
{
   ip_addr_t ip = {{0}};
   if (id >= 0) {
      memcpy(&ip, ur_get_ptr_by_id(t->tmplt, rec, id), sizeof(ip));
   }
   return ip;
}

static const char *value_text(struct flows_table *t, const void *rec, int id)
{
   int n = id >= 0 ? urcsv_field(t->cell, CELL - 1, rec, (ur_field_type_t) id,
                                 (ur_template_t *) (uintptr_t) t->tmplt)
                   : 0;
   t->cell[n > 0 ? n : 0] = 0;
   return t->cell;
}

/* -------------------------------------------------------------------- matching */

static bool in_end(const struct flows_end *e, const ip_addr_t *ip)
{
   for (unsigned i = 0; i < e->n; i++) {
      if (archive_in_network(ip, &e->hosts[i].ip, e->hosts[i].prefix)) {
         return true;
      }
   }
   return e->n == 0;
}

static bool has_port(const struct flows_query *q, uint64_t port)
{
   for (unsigned i = 0; i < q->n_ports; i++) {
      if (q->ports[i] == port) {
         return true;
      }
   }
   return false;
}

static bool has_hosts(const struct flows *f, const void *rec)
{
   const struct flows_table *t = f->table;
   const struct flows_end *a = &f->q.ends[0], *b = &f->q.ends[1];
   if (a->n == 0 && b->n == 0) {
      return true;
   }
   if (t->src < 0 && t->dst < 0) {
      return false;
   }
   ip_addr_t src = address(t, rec, t->src >= 0 ? t->src : t->dst),
             dst = address(t, rec, t->dst >= 0 ? t->dst : t->src);
   return (in_end(a, &src) && in_end(b, &dst)) || (in_end(a, &dst) && in_end(b, &src));
}

static bool matches(const struct flows *f, const void *rec)
{
   const struct flows_query *q = &f->q;
   const struct flows_table *t = f->table;
   if ((q->since != 0 && t->last >= 0 && number(t, rec, t->last) < q->since) ||
       (q->until != 0 && t->first >= 0 && number(t, rec, t->first) >= q->until) ||
       (q->protocol >= 0 && t->protocol >= 0 && number(t, rec, t->protocol) != (uint64_t) q->protocol) ||
       (q->n_ports > 0 && !has_port(q, number(t, rec, t->sport)) && !has_port(q, number(t, rec, t->dport)))) {
      return false;
   }
   return has_hosts(f, rec) && (t->matcher == NULL || nm_matcher_match(t->matcher, rec));
}

/* ------------------------------------------------------------------------ output */

/* A pipe that nobody reads is no error. */
static bool write_failed(struct flows *f)
{
   if (errno == EPIPE) {
      f->stop = freopen("/dev/null", "we", f->to) != NULL; /* nothing is left to flush that could fail */
   } else {
      cli_error("cannot write to standard output: %s", strerror(errno != 0 ? errno : EIO));
      f->status = CLI_OUTPUT;
   }
   f->stop = true;
   return false;
}

static bool finish_line(struct flows *f)
{
   return putc('\n', f->to) != EOF || write_failed(f);
}

static void put_cells(struct flows *f, const char *cells)
{
   struct flows_table *t = f->table;
   for (unsigned i = 0; i < t->n_cells; i++, cells += strlen(cells) + 1) {
      bool last = i + 1 == t->n_cells, rightmost = t->ordinary && (i == 1 || i == 6 || i == 7);
      int width = last ? 0 : (int) t->widths[i];
      fprintf(f->to, rightmost ? "%s%*s" : "%s%-*s", i > 0 && (!last || *cells != 0) ? "  " : "", width,
              cells);
   }
}

static bool release_held(struct flows *f)
{
   struct flows_table *t = f->table;
   const char *row = t->held;
   errno = 0;
   for (unsigned r = 0; r < t->n_rows && !f->stop; r++) {
      put_cells(f, row);
      finish_line(f);
      for (unsigned i = 0; i < t->n_cells; i++) {
         row += strlen(row) + 1;
      }
   }
   t->n_rows = 0;
   t->n_held = 0;
   return !f->stop;
}

static bool hold(struct flows *f, const char *cell, unsigned column)
{
   struct flows_table *t = f->table;
   size_t n = strlen(cell);
   if (t->n_held + n + 1 > t->room_held) {
      size_t room = 2 * t->room_held + n + 4096;
      char *more = realloc(t->held, room);
      if (more == NULL) {
         cli_error("out of memory for lines");
         f->status = CLI_MODULE;
         f->stop = true;
         return false;
      }
      t->held = more;
      t->room_held = room;
   }
   memcpy(t->held + t->n_held, cell, n + 1);
   t->n_held += n + 1;
   size_t width = n < MAX_WIDTH ? n : MAX_WIDTH;
   t->widths[column] = width > t->widths[column] ? width : t->widths[column];
   return true;
}

static bool row_is_whole(struct flows *f, unsigned limit)
{
   f->table->n_rows++;
   return f->table->n_rows < limit || release_held(f);
}

static const char *protocol_text(uint64_t p, char to[8])
{
   snprintf(to, 8, "%" PRIu64, p & 0xff);
   return p == 1 ? "ICMP" : p == 6 ? "TCP" : p == 17 ? "UDP" : p == 58 ? "ICMPv6" : p == 132 ? "SCTP" : to;
}

/* "SA", "." for none */
static const char *flags_text(uint64_t flags, char to[10])
{
   static const char letters[] = "FSRPAUEC";
   char *p = to;
   for (int i = 0; i < 8; i++) {
      if (flags >> i & 1) {
         *p++ = letters[i];
      }
   }
   strcpy(p, p == to ? "." : "");
   return to;
}

static void endpoint_text(const struct flows_table *t, const void *rec, int ip_id, int port_id, char to[64])
{
   char text[INET6_ADDRSTRLEN];
   ip_addr_t ip = address(t, rec, ip_id);
   uint64_t protocol = number(t, rec, t->protocol);
   bool port = port_id >= 0 && protocol != 1 && protocol != 58;
   ip_to_str(&ip, text);
   if (!port) {
      snprintf(to, 64, "%s", text);
   } else {
      snprintf(to, 64, ip_is4(&ip) ? "%s:%u" : "[%s]:%u", text, (unsigned) number(t, rec, port_id));
   }
}

/* "12/9": of both directions, where records have both. */
static void both_text(const struct flows_table *t, const void *rec, int id, int rev, char to[48])
{
   int n = snprintf(to, 24, "%" PRIu64, number(t, rec, id));
   if (rev >= 0) {
      snprintf(to + n, 24, "/%" PRIu64, number(t, rec, rev));
   }
}

/* Fields that are in no column of their own and have a value. */
static void rest_text(struct flows_table *t, const void *rec)
{
   size_t used = 0;
   for (unsigned i = 0; i < t->n; i++) {
      const char *value = value_text(t, rec, t->ids[i]);
      if (*value != 0 && strcmp(value, "0") != 0 && strcmp(value, "\"\"") != 0 && strcmp(value, "[]") != 0) {
         int n = snprintf(t->more + used, CELL - used, "%s%s=%s", used > 0 ? " " : "", t->names[i], value);
         if (n < 0 || (size_t) n >= CELL - used) {
            break;
         }
         used += (size_t) n;
      }
   }
   t->more[used] = 0;
}

static bool usual_row(struct flows *f, const void *rec)
{
   struct flows_table *t = f->table;
   char begin[40], seconds[32], protocol[8], source[64], target[64], flags[24] = "", a[10], b[10],
                                                                     packets[48], bytes[48];
   uint64_t first = number(t, rec, t->first), last = number(t, rec, t->last);
   snprintf(begin, sizeof(begin), "%.23s", value_text(t, rec, t->first)); /* milliseconds */
   begin[strlen(begin) > 10 ? 10 : 0] = ' ';
   snprintf(seconds, sizeof(seconds), "%.3f", last > first ? (double) (last - first) / 4294967296.0 : 0.0);
   endpoint_text(t, rec, t->src, t->sport, source);
   endpoint_text(t, rec, t->dst, t->dport, target);
   if (t->flags >= 0 && number(t, rec, t->protocol) == 6) {
      snprintf(flags, sizeof(flags), "%s%s%s", flags_text(number(t, rec, t->flags), a),
               t->flags_rev >= 0 ? "/" : "",
               t->flags_rev >= 0 ? flags_text(number(t, rec, t->flags_rev), b) : "");
   }
   both_text(t, rec, t->packets, t->packets_rev, packets);
   both_text(t, rec, t->bytes, t->bytes_rev, bytes);
   rest_text(t, rec);
   const char *const cells[USUAL] = {begin,   seconds, protocol_text(number(t, rec, t->protocol), protocol),
                                     source,  target,  flags,
                                     packets, bytes,   t->more};
   for (unsigned i = 0; i < USUAL; i++) {
      if (!hold(f, cells[i], i)) {
         return false;
      }
   }
   return row_is_whole(f, HELD_ROWS);
}

static bool text_row(struct flows *f, const void *rec)
{
   struct flows_table *t = f->table;
   if (t->ordinary) {
      return usual_row(f, rec);
   }
   for (unsigned i = 0; i < t->n; i++) {
      if (!hold(f, value_text(t, rec, t->ids[i]), i)) {
         return false;
      }
   }
   return row_is_whole(f, HELD_ROWS);
}

static bool csv_row(struct flows *f, const void *rec)
{
   for (unsigned i = 0; i < f->table->n; i++) {
      fprintf(f->to, "%s%s", i > 0 ? "," : "", value_text(f->table, rec, f->table->ids[i]));
   }
   return finish_line(f);
}

/* ------------------------------------------------------------------------- JSON */

static bool is_number(int type)
{
   switch (type) {
   case UR_TYPE_UINT8:
   case UR_TYPE_UINT16:
   case UR_TYPE_UINT32:
   case UR_TYPE_UINT64:
   case UR_TYPE_INT8:
   case UR_TYPE_INT16:
   case UR_TYPE_INT32:
   case UR_TYPE_INT64:
   case UR_TYPE_A_UINT8:
   case UR_TYPE_A_UINT16:
   case UR_TYPE_A_UINT32:
   case UR_TYPE_A_UINT64:
   case UR_TYPE_A_INT8:
   case UR_TYPE_A_INT16:
   case UR_TYPE_A_INT32:
   case UR_TYPE_A_INT64:
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE:
   case UR_TYPE_A_FLOAT:
   case UR_TYPE_A_DOUBLE: return true;
   default: return false;
   }
}

/* A value without its quotes of CSV. */
static void json_value(FILE *to, const char *text, size_t n, int type)
{
   bool time = type == UR_TYPE_TIME || type == UR_TYPE_A_TIME;
   if (n == 0) {
      fputs("null", to);
   } else if (!is_number(type)) {
      fprintf(to, "\"%.*s%s\"", (int) n, text, time ? "Z" : "");
   } else if (strspn(text, "-+.eE0123456789") >= n) {
      fprintf(to, "%.*s", (int) n, text);
   } else {
      fputs("null", to); /* JSON has neither NaN nor infinity */
   }
}

static void json_text(struct flows *f, const void *rec, int id)
{
   struct flows_table *t = f->table;
   const char *text = ur_get_ptr_by_id(t->tmplt, rec, id);
   size_t n = (size_t) ur_get_len(t->tmplt, rec, id);
   char one[2] = {0};
   if (ur_get_type(id) == UR_TYPE_CHAR) {
      one[0] = *text;
      text = one;
      n = *one != 0;
   }
   json_t *value = json_stringn(text, n);
   if (value == NULL) { /* it is not UTF-8: what is not shows as \xNN */
      nc_text_terminal(t->more, CELL, text, n);
      value = json_string(t->more);
   }
   if (json_dumpf(value, f->to, JSON_ENCODE_ANY | JSON_COMPACT) != 0) {
      fputs("null", f->to);
   }
   json_decref(value);
}

static void json_list(struct flows *f, const void *rec, int id)
{
   const char *p = value_text(f->table, rec, id);
   p += *p == '[';
   putc('[', f->to);
   while (*p != 0 && *p != ']') {
      size_t n = strcspn(p, "|]");
      json_value(f->to, p, n, (int) ur_get_type(id));
      p += n;
      if (*p == '|') {
         putc(',', f->to);
         p++;
      }
   }
   putc(']', f->to);
}

static bool json_row(struct flows *f, const void *rec)
{
   struct flows_table *t = f->table;
   for (unsigned i = 0; i < t->n; i++) {
      int id = t->ids[i], type = id >= 0 ? (int) ur_get_type(id) : -1;
      fprintf(f->to, "%s\"%s\":", i > 0 ? "," : "{", t->names[i]);
      if (id < 0) {
         fputs("null", f->to);
      } else if (type == UR_TYPE_STRING || type == UR_TYPE_CHAR) {
         json_text(f, rec, id);
      } else if (ur_is_array(id)) {
         json_list(f, rec, id);
      } else {
         const char *text = value_text(t, rec, id);
         if (type == UR_TYPE_BYTES && *text == 0) {
            fputs("\"\"", f->to);
         } else {
            json_value(f->to, text, strlen(text), type);
         }
      }
   }
   fputs(t->n > 0 ? "}" : "{}", f->to);
   return finish_line(f);
}

/* ----------------------------------------------------------------------- formats */

static void on_wrong(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   struct flows *f = arg;
   (void) kind;
   f->table->wrong = true;
   cli_error("%s: filter, byte %zu: %s", f->what, offset, text);
}

static bool fail(struct flows *f, int status)
{
   f->status = status;
   f->stop = true;
   return false;
}

static bool out_of_memory(struct flows *f)
{
   cli_error("out of memory for the columns");
   return fail(f, CLI_MODULE);
}

/* The fields of --fields, in its order. The first format must have all of them; of later ones columns stay empty. */
static bool choose(struct flows *f)
{
   struct flows_table *t = f->table;
   char *save = NULL;
   free(t->names_copy);
   t->names_copy = strdup(f->fields);
   if (t->names_copy == NULL) {
      return out_of_memory(f);
   }
   for (char *name = strtok_r(t->names_copy, ", ", &save); name != NULL; name = strtok_r(NULL, ", ", &save)) {
      int id = ur_get_id_by_name(name);
      id = id >= 0 && ur_is_present(t->tmplt, id) ? id : -1;
      if (t->n == MAX_COLUMNS || (id < 0 && !t->started)) {
         char *all = ur_template_string(t->tmplt);
         if (t->n == MAX_COLUMNS) {
            cli_error("option --fields: more than %d names", MAX_COLUMNS);
         } else {
            cli_error("option --fields: the flows of %s have no \"%s\" (they have %s)", f->what, name,
                      all != NULL ? all : "others");
         }
         free(all);
         return fail(f, CLI_USAGE);
      }
      t->ids[t->n] = id;
      t->names[t->n++] = name;
   }
   return true;
}

static bool in_a_column(const struct flows_table *t, int id)
{
   const int shown[] = {t->src,     t->dst,         t->sport, t->dport,     t->protocol, t->first,    t->last,
                        t->packets, t->packets_rev, t->bytes, t->bytes_rev, t->flags,    t->flags_rev};
   for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
      if (shown[i] == id) {
         return true;
      }
   }
   /* Where a packet came in, and the hardware, say little: --fields shows them. */
   const char *name = ur_get_name(id);
   return strcmp(name, "LINK_BIT_FIELD") == 0 || strcmp(name, "DIR_BIT_FIELD") == 0 ||
          strcmp(name, "SRC_MAC") == 0 || strcmp(name, "DST_MAC") == 0;
}

static void all_fields(struct flows_table *t)
{
   ur_iter_t id = UR_ITER_BEGIN;
   for (int i = 0; (id = ur_iter_fields_record_order(t->tmplt, i)) != UR_ITER_END && t->n < MAX_COLUMNS;
        i++) {
      if (!t->ordinary || !in_a_column(t, id)) {
         t->ids[t->n] = id;
         t->names[t->n++] = ur_get_name(id);
      }
   }
}

static void find_fields(struct flows_table *t)
{
   const ur_template_t *tmplt = t->tmplt;
   t->src = find(tmplt, "SRC_IP", UR_TYPE_IP);
   t->dst = find(tmplt, "DST_IP", UR_TYPE_IP);
   t->sport = find(tmplt, "SRC_PORT", UR_TYPE_UINT16);
   t->dport = find(tmplt, "DST_PORT", UR_TYPE_UINT16);
   t->protocol = find(tmplt, "PROTOCOL", UR_TYPE_UINT8);
   t->first = find(tmplt, "TIME_FIRST", UR_TYPE_TIME);
   t->last = find(tmplt, "TIME_LAST", UR_TYPE_TIME);
   t->packets = find(tmplt, "PACKETS", UR_TYPE_UINT32);
   t->packets_rev = find(tmplt, "PACKETS_REV", UR_TYPE_UINT32);
   t->bytes = find(tmplt, "BYTES", UR_TYPE_UINT64);
   t->bytes_rev = find(tmplt, "BYTES_REV", UR_TYPE_UINT64);
   t->flags = find(tmplt, "TCP_FLAGS", UR_TYPE_UINT8);
   t->flags_rev = find(tmplt, "TCP_FLAGS_REV", UR_TYPE_UINT8);
}

/* Names, and in CSV types, of the columns: once, and again when they change. */
static bool write_header(struct flows *f)
{
   struct flows_table *t = f->table;
   char *header = NULL;
   size_t size = 0;
   FILE *to = open_memstream(&header, &size);
   for (unsigned i = 0; to != NULL && i < t->n; i++) {
      bool typed = f->form == FLOWS_CSV && t->ids[i] >= 0;
      fprintf(to, "%s%s%s%s", i > 0 ? "," : "", typed ? ur_field_type_str[ur_get_type(t->ids[i])] : "",
              typed ? " " : "", t->names[i]);
   }
   if (to == NULL || fclose(to) != 0) {
      free(header);
      return out_of_memory(f);
   }
   bool same = t->header != NULL && (strcmp(header, t->header) == 0 || t->ordinary);
   free(t->header);
   t->header = header;
   if (same) {
      return true;
   }
   if (f->form == FLOWS_CSV) {
      fprintf(f->to, "%s\n", header);
   }
   for (unsigned i = 0; f->form == FLOWS_TEXT && i < t->n_cells; i++) {
      t->widths[i] = 0;
      if (!hold(f, t->ordinary ? usual[i] : t->names[i], i)) {
         return false;
      }
   }
   t->n_rows += f->form == FLOWS_TEXT;
   return true;
}

static bool bind_filter(struct flows *f)
{
   struct flows_table *t = f->table;
   nm_matcher_free(t->matcher);
   t->matcher = NULL;
   t->wrong = false;
   if (f->q.filter == NULL) {
      return true;
   }
   t->matcher = nm_filter_bind(f->q.filter, t->tmplt, NULL, NULL, on_wrong, f);
   if (t->matcher == NULL) {
      return out_of_memory(f);
   }
   return !t->wrong || t->started || fail(f, CLI_USAGE);
}

bool flows_format(struct flows *f, const ur_template_t *tmplt)
{
   if (f->table == NULL && (f->table = calloc(1, sizeof(*f->table))) == NULL) {
      return out_of_memory(f);
   }
   struct flows_table *t = f->table;
   bool was = t->ordinary;
   if (t->n_rows > 0 && !release_held(f)) {
      return false;
   }
   t->tmplt = tmplt;
   t->n = 0;
   find_fields(t);
   t->ordinary = f->form == FLOWS_TEXT && f->fields == NULL && t->src >= 0 && t->dst >= 0 && t->first >= 0 &&
                 t->last >= 0;
   if (was != t->ordinary) {
      free(t->header);
      t->header = NULL;
   }
   if (f->fields == NULL) {
      all_fields(t);
   } else if (!choose(f)) {
      return false;
   }
   t->n_cells = t->ordinary ? USUAL : t->n;
   bool good = bind_filter(f) && write_header(f);
   t->started = true;
   return good;
}

bool flows_record(struct flows *f, const void *rec)
{
   if (f->stop || flows_interrupted()) {
      f->stop = true;
      return false;
   }
   if (!matches(f, rec)) {
      return true;
   }
   errno = 0;
   bool good = f->form == FLOWS_TEXT  ? text_row(f, rec)
               : f->form == FLOWS_CSV ? csv_row(f, rec)
                                      : json_row(f, rec);
   f->shown += good;
   if (good && f->q.limit != 0 && f->shown >= f->q.limit) {
      f->stop = true;
   }
   return good && !f->stop;
}

void flows_end(struct flows *f)
{
   struct flows_table *t = f->table;
   if (t == NULL) {
      return;
   }
   if (f->status == CLI_OK && t->n_rows > 0 && f->shown > 0) {
      bool limited = f->stop;
      f->stop = false;
      release_held(f);
      f->stop |= limited;
   }
   errno = 0;
   if (f->status == CLI_OK && (fflush(f->to) != 0 || ferror(f->to))) {
      write_failed(f);
   }
   nm_matcher_free(t->matcher);
   free(t->names_copy);
   free(t->header);
   free(t->held);
   free(t);
   f->table = NULL;
}
