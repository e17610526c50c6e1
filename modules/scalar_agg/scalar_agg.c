/* SPDX-License-Identifier: BSD-3-Clause */
/** scalar_agg: time series of sums, counts, averages, rates and numbers of distinct values. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "fields.h"
#include "series.h"

NM_FIELDS(time TIME_FIRST, time TIME_LAST, time TIME)

#define MAX_OUTPUTS  32
#define MAX_RULES    32 /* of an output */
#define MAX_SLOTS    (1u << 20)
#define LONGEST_FLOW 86400 /* seconds; a record that says more has wrong times */
#define HEADER_ROWS  21    /* after which the header of the table on standard output is repeated */
#define BATCH        256

struct times {
   uint64_t step, delay, inactive; /* seconds */
};

/** Outputs with the same times go on together. */
struct group {
   struct times times;
   uint32_t n_slots, head; /* place of the first slot in the rings */
   uint64_t begin;         /* second of the first slot; 0: no record yet */
   uint64_t newest;        /* second of the newest end of a flow */
   ur_time_t far;          /* see nm_time_is_confirmed() */
};

struct output {
   struct group *group;
   struct series series[MAX_RULES];
   nm_field_t results[MAX_RULES]; /* in the record */
   uint32_t n;
};

struct scalar_agg {
   struct times times; /* of the rules that follow; 0: default */
   bool has_delay;
   uint32_t capacity;
   bool flush, exact;
   struct output outputs[MAX_OUTPUTS];
   struct group groups[MAX_OUTPUTS];
   uint32_t n_outputs, n_groups; /* outputs: the number of the last one that has options */
   nm_field_t first, last;
   unsigned rows; /* of the table on standard output since its header */
   uint64_t late, wrong, estimates;
};

/* ----------------------------------------------------------------- options */

static int set_seconds(nm_module_t *m, char letter, const char *text, uint64_t least, uint64_t *seconds)
{
   return nm_number(text, least, 1u << 30, seconds)
              ? NM_OK
              : nm_fail(m,
                        "Error: Passed illogical value to parameter -%c: \"%s\" is not a number of seconds "
                        "from %" PRIu64,
                        letter, text, least);
}

static int set_step(nm_module_t *m, const char *text)
{
   return set_seconds(m, 't', text, 1, &((struct scalar_agg *) nm_self(m))->times.step);
}

static int set_delay(nm_module_t *m, const char *text)
{
   struct scalar_agg *self = nm_self(m);
   self->has_delay = true;
   return set_seconds(m, 'd', text, 0, &self->times.delay);
}

static int set_inactive(nm_module_t *m, const char *text)
{
   return set_seconds(m, 'I', text, 1, &((struct scalar_agg *) nm_self(m))->times.inactive);
}

static int next_output(nm_module_t *m, const char *text)
{
   struct scalar_agg *self = nm_self(m);
   (void) text;
   if (self->n_outputs + 1 == MAX_OUTPUTS) {
      return nm_fail(m, "Error: there can be at most %d outputs (-R)", MAX_OUTPUTS);
   }
   self->n_outputs++;
   return NM_OK;
}

static struct times times_now(const struct scalar_agg *self)
{
   return (struct times){self->times.step != 0 ? self->times.step : 60,
                         self->has_delay ? self->times.delay : 420,
                         self->times.inactive != 0 ? self->times.inactive : 900};
}

/* The group of outputs with the times that hold now. */
static struct group *find_group(struct scalar_agg *self)
{
   struct times now = times_now(self);
   uint32_t i = 0;
   while (i < self->n_groups && memcmp(&self->groups[i].times, &now, sizeof(now)) != 0) {
      i++;
   }
   if (i == self->n_groups) {
      uint64_t n = now.delay / now.step + 2;
      self->groups[self->n_groups++] =
          (struct group){.times = now, .n_slots = n <= MAX_SLOTS ? (uint32_t) n : 0};
   }
   return &self->groups[i];
}

static void on_style(void *m, enum nm_filter_warning kind, size_t offset, const char *text)
{
   (void) kind;
   nm_warn(m, "filter, byte %zu: %s", offset + 1, text);
}

static int add_rule(nm_module_t *m, const char *text)
{
   struct scalar_agg *self = nm_self(m);
   struct output *o = &self->outputs[self->n_outputs];
   char error[RULE_ERROR];
   if (o->n == MAX_RULES) {
      return nm_fail(m, "Error: rule \"%s\": an output can have at most %d", text, MAX_RULES);
   }
   struct rule *rule = &o->series[o->n].rule;
   if (!rule_parse(rule, text, on_style, m, error)) {
      return nm_fail(m, "%s", error);
   }
   o->n++;
   for (uint32_t i = 0; i + 1 < o->n; i++) {
      if (strcmp(o->series[i].rule.name, rule->name) == 0) {
         return nm_fail(m, "Error: rule %s: the output has another rule of this name", rule->name);
      }
   }
   if (strcmp(rule->name, "TIME") == 0) {
      return nm_fail(m, "Error: rule TIME: this is the name of the time of the record");
   }
   struct group *group = find_group(self);
   if (group->n_slots == 0) {
      return nm_fail(m, "Error: rule %s: the delay (-d) is more than %u steps (-t)", rule->name,
                     MAX_SLOTS - 2);
   }
   if (o->group != NULL && o->group != group) {
      return nm_fail(m, "Error: rule %s: the rules of one output must have the same -t, -d and -I",
                     rule->name);
   }
   o->group = group;
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('t', "output_interval", "seconds", set_step,
            "Length of an interval, for the rules after it. Default: 60."),
    NM_CALL('d', "delay_interval", "seconds", set_delay,
            "How long intervals wait for late flows. Default: 420."),
    NM_CALL('I', "inactive_timeout", "seconds", set_inactive,
            "A flow that begins more than this after the oldest interval kept restarts the series. "
            "Default: 900."),
    NM_CALL('r', "rule", "rule", add_rule,
            "NAME:FUNCTION(FIELD)[:FILTER]; functions: SUM, COUNT, AVG, RATE (sum a second), COUNT_UNIQ. \\: "
            "is a "
            "colon. May be repeated, up to 32 times for each output."),
    NM_CALL('R', "next_interface", NULL, next_output, "Rules after it are for the next output."),
    NM_U32(0, "capacity", struct scalar_agg, capacity, 65536, 1, 1u << 26,
           "Values that COUNT_UNIQ counts exactly in an interval; beyond them it estimates, with an error of "
           "1.6 %."),
    NM_FLAG(0, "exact", struct scalar_agg, exact,
            "A flow counts in the intervals that it spends time in, and no others. Without, one at the "
            "border of two "
            "intervals counts in both, as in NEMEA 2, and short flows just after a border falsify sums."),
    NM_FLAG(0, "flush", struct scalar_agg, flush,
            "At the end send the intervals that are still kept, the last of which may be incomplete."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct scalar_agg *self = nm_self(m);
   if (nm_outputs(m) != self->n_outputs + 1) {
      return nm_fail(m,
                     "Error: Number of TRAP interfaces doesn't match number defined by rules. The rules (-R) "
                     "are for %u, "
                     "-i has %u",
                     self->n_outputs + 1, nm_outputs(m));
   }
   self->n_outputs++;
   for (uint32_t i = 0; i < self->n_outputs; i++) {
      if (self->outputs[i].n == 0) {
         return nm_fail(m, "Error: output %u has no rule (-r)", i);
      }
   }
   return NM_OK;
}

/* ----------------------------------------------------------------- results */

static void print_line(void)
{
   printf("--------------------------------------------------------------------------------\n");
}

static void print_header(const struct scalar_agg *self)
{
   print_line();
   for (uint32_t i = 0; i < self->n_outputs; i++) {
      printf("[OUT-%02u] TIME", i);
      for (uint32_t k = 0; k < self->outputs[i].n; k++) {
         printf(",%s", self->outputs[i].series[k].rule.name);
      }
      putchar('\n');
   }
   print_line();
}

static void print_row(uint32_t output, const struct output *o, uint64_t second, const double results[])
{
   char text[32] = "";
   time_t t = (time_t) second;
   struct tm tm;
   if (gmtime_r(&t, &tm) != NULL) {
      strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
   }
   printf("[OUT-%02u] %s", output, text);
   for (uint32_t i = 0; i < o->n; i++) {
      printf(series_is_integer(&o->series[i]) ? ",%.0f" : ",%.2f", results[i]);
   }
   putchar('\n');
}

static int send_output(nm_module_t *m, uint32_t number)
{
   struct scalar_agg *self = nm_self(m);
   struct output *o = &self->outputs[number];
   const struct group *g = o->group;
   double results[MAX_RULES];
   void *record = nm_record(m, number);
   for (uint32_t i = 0; i < o->n; i++) {
      struct slot *slot = &o->series[i].slots[g->head];
      results[i] = series_result(&o->series[i], slot, (uint32_t) g->times.step);
      self->estimates += slot->distinct != NULL && slot->count > 0;
      bool integer = series_is_integer(&o->series[i]); /* others may be negative */
      uint64_t whole = integer ? (uint64_t) results[i] : 0;
      nm_field_set(&o->results[i], nm_out_n(m, number), record, integer ? (const void *) &whole : &results[i],
                   sizeof(whole));
      slot_clear(slot);
   }
   nm_set_n(m, number, record, F_TIME, ur_time_from_sec_msec(g->begin, 0));
   if (nm_verbosity(m) >= 0) {
      print_row(number, o, g->begin, results);
   }
   return nm_send_n(m, number, record);
}

/* Sends the first slot; the window goes on by one step. */
static int roll(nm_module_t *m, struct group *g)
{
   struct scalar_agg *self = nm_self(m);
   int rc = NM_OK;
   if (nm_verbosity(m) >= 0 && self->rows++ % HEADER_ROWS == 0) {
      print_header(self);
   }
   for (uint32_t i = 0; rc == NM_OK && i < self->n_outputs; i++) {
      rc = self->outputs[i].group == g ? send_output(m, i) : NM_OK;
   }
   g->head = g->head + 1 == g->n_slots ? 0 : g->head + 1;
   g->begin += g->times.step;
   return rc;
}

/* Sends what is kept, up to the newest flow. */
static int send_all(nm_module_t *m, struct group *g)
{
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < g->n_slots && g->begin != 0 && g->begin <= g->newest; i++) {
      rc = roll(m, g);
   }
   return rc;
}

/* ----------------------------------------------------------------- records */

/* Are the times of a flow possible? */
static bool is_possible(struct group *g, ur_time_t first, ur_time_t last)
{
   return last >= first && last - first <= (ur_time_t) LONGEST_FLOW << 32 &&
          nm_time_is_confirmed(g->newest << 32, &g->far, last);
}

static void start(struct group *g, uint64_t second)
{
   g->begin = second / g->times.step * g->times.step;
   g->begin += g->begin == 0; /* 0: there is no series */
   g->newest = 0;
}

static inline uint64_t window_end(const struct group *g)
{
   return g->begin + g->n_slots * g->times.step;
}

/* Makes the window reach to the end of a flow. */
static int move(nm_module_t *m, struct group *g, uint64_t first, uint64_t last)
{
   int rc = NM_OK;
   if (first > g->begin + g->times.inactive) {
      rc = send_all(m, g);
      start(g, first);
   }
   while (rc == NM_OK && last >= window_end(g)) {
      rc = roll(m, g);
   }
   return rc;
}

static void add_run(struct scalar_agg *self, struct group *g, const nm_record_t *recs,
                    const struct share *shares, uint32_t n)
{
   for (uint32_t i = 0; n > 0 && i < self->n_outputs; i++) {
      struct output *o = &self->outputs[i];
      for (uint32_t k = 0; o->group == g && k < o->n; k++) {
         series_add(&o->series[k], recs, shares, n, g->begin, (uint32_t) g->times.step, g->head);
      }
   }
}

/* Which slots a flow spends time in. One that ends at the border of a slot is not in it, unless it also begins there. */
static inline struct share exact_share(const struct group *g, struct share f)
{
   const uint32_t step = (uint32_t) g->times.step;
   ur_time_t begin = g->begin << 32, last = f.end > f.begin ? f.end - 1 : f.end;
   if (last < begin) {
      f.first = 1;
      f.last = 0; /* none */
      return f;
   }
   f.first = f.begin > begin ? (uint32_t) ((f.begin - begin) >> 32) / step : 0;
   f.last = (uint32_t) ((last - begin) >> 32) / step;
   return f;
}

/* Which slots a flow touches: those with begin <= its last second and end >= its first second. */
static inline struct share share_of(struct scalar_agg *self, const struct group *g, ur_time_t first,
                                    ur_time_t last)
{
   const uint64_t from = first >> 32, to = last >> 32;
   const uint32_t step = (uint32_t) g->times.step; /* the window is shorter than 2^32 s */
   struct share f = {.begin = first, .end = last, .whole = 1};
   if (__builtin_expect(from < g->begin, 0)) {
      self->late++;
      f.whole = last > first ? (double) (last - (g->begin << 32)) / (double) (last - first) : 1;
   }
   if (self->exact) {
      return exact_share(g, f);
   }
   if (to < g->begin) {
      f.first = 1; /* none */
      return f;
   }
   f.last = (uint32_t) (to - g->begin) / step;
   if (from > g->begin) {
      f.first = ((uint32_t) (from - g->begin) + step - 1) / step - 1;
   }
   return f;
}

/* Adds a batch to the series of a group, in runs between which the window moves. */
static int add_batch(nm_module_t *m, struct group *g, const nm_record_t *recs, uint32_t n)
{
   struct scalar_agg *self = nm_self(m);
   struct share shares[BATCH];
   uint32_t run = 0;
   int rc = NM_OK;
   for (uint32_t i = 0; i < n; i++) {
      ur_time_t first = nm_field_u64(&self->first, recs[i].data),
                last = nm_field_u64(&self->last, recs[i].data);
      uint64_t from = first >> 32, to = last >> 32;
      if (__builtin_expect(!is_possible(g, first, last), 0)) {
         self->wrong++;
         shares[i] = (struct share){.first = 1};
         continue;
      }
      if (__builtin_expect(g->begin == 0, 0)) {
         start(g, from);
      }
      if (__builtin_expect(to >= window_end(g) || from > g->begin + g->times.inactive, 0)) {
         add_run(self, g, recs + run, shares + run, i - run);
         run = i;
         rc = move(m, g, from, to);
         if (rc != NM_OK) {
            return rc;
         }
      }
      g->newest = to > g->newest ? to : g->newest;
      shares[i] = share_of(self, g, first, last);
   }
   add_run(self, g, recs + run, shares + run, n - run);
   return rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct scalar_agg *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t done = 0; rc == NM_OK && done < n; done += BATCH) {
      for (uint32_t g = 0; rc == NM_OK && g < self->n_groups; g++) {
         rc = add_batch(m, &self->groups[g], recs + done, n - done < BATCH ? n - done : BATCH);
      }
   }
   return rc;
}

/* A live stream that fell silent goes on with the clock. */
static int tick(nm_module_t *m, ur_time_t now)
{
   struct scalar_agg *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; nm_silent(m) && rc == NM_OK && i < self->n_groups; i++) {
      struct group *g = &self->groups[i];
      while (rc == NM_OK && g->begin != 0 && ur_time_get_sec(now) >= window_end(g)) {
         rc = roll(m, g);
      }
   }
   return rc;
}

/* -------------------------------------------------------------------- life */

static bool can_take(enum function function, const nm_field_t *f)
{
   return function == FUNCTION_COUNT_UNIQ ||
          (f->load != NM_LOAD_FIXED && f->load != NM_LOAD_VARIABLE && f->type != UR_TYPE_TIME);
}

static void on_never(void *m, enum nm_filter_warning kind, size_t offset, const char *text)
{
   (void) kind;
   nm_warn(m, "filter, byte %zu: %s", offset + 1, text);
}

static int bind_series(nm_module_t *m, struct series *s)
{
   if (!nm_field_find(&s->field, nm_in(m), s->rule.field)) {
      return nm_fail(m, "rule %s: the records have no field \"%s\"", s->rule.name, s->rule.field);
   }
   if (!can_take(s->rule.function, &s->field)) {
      return nm_fail(m, "rule %s: field %s is %s, not a number: only COUNT_UNIQ can take it", s->rule.name,
                     s->rule.field, ur_field_type_str[s->field.type]);
   }
   nm_matcher_free(s->matcher);
   s->matcher =
       s->rule.filter != NULL ? nm_filter_bind(s->rule.filter, nm_in(m), NULL, NULL, on_never, m) : NULL;
   return s->rule.filter == NULL || s->matcher != NULL ? NM_OK : nm_fail(m, "out of memory");
}

static int format(nm_module_t *m, uint32_t input)
{
   struct scalar_agg *self = nm_self(m);
   int rc = NM_OK;
   (void) input;
   nm_field_find(&self->first, nm_in(m), "TIME_FIRST");
   nm_field_find(&self->last, nm_in(m), "TIME_LAST");
   for (uint32_t i = 0; i < self->n_outputs; i++) {
      for (uint32_t k = 0; rc == NM_OK && k < self->outputs[i].n; k++) {
         rc = bind_series(m, &self->outputs[i].series[k]);
      }
   }
   return rc;
}

static int open_output(nm_module_t *m, uint32_t number)
{
   struct scalar_agg *self = nm_self(m);
   struct output *o = &self->outputs[number];
   char *fields = NULL;
   size_t size;
   FILE *text = open_memstream(&fields, &size);
   if (text == NULL) {
      return nm_fail(m, "out of memory");
   }
   fprintf(text, "time TIME");
   for (uint32_t i = 0; i < o->n; i++) {
      fprintf(text, ",%s %s", series_is_integer(&o->series[i]) ? "uint64" : "double", o->series[i].rule.name);
   }
   int rc = fclose(text) == 0 ? nm_set_output(m, number, fields) : nm_fail(m, "out of memory");
   free(fields);
   for (uint32_t i = 0; rc == NM_OK && i < o->n; i++) {
      nm_field_find(&o->results[i], nm_out_n(m, number), o->series[i].rule.name);
      if (!series_open(&o->series[i], o->group->n_slots, self->capacity)) {
         rc = nm_fail(m, "out of memory for %u intervals of rule %s (-d, --capacity)", o->group->n_slots,
                      o->series[i].rule.name);
      }
   }
   return rc;
}

static int init(nm_module_t *m)
{
   struct scalar_agg *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < self->n_outputs; i++) {
      rc = open_output(m, i);
   }
   nm_counter(m, "before the series", &self->late);
   nm_counter(m, "impossible times", &self->wrong);
   nm_counter(m, "estimated results", &self->estimates);
   return rc;
}

static int finish(nm_module_t *m)
{
   struct scalar_agg *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < self->n_groups; i++) {
      struct group *g = &self->groups[i];
      if (self->flush) {
         rc = send_all(m, g);
      } else if (g->begin != 0 && g->newest >= g->begin) {
         nm_warn(m, "the last %" PRIu64 " intervals are not sent (see --flush)",
                 (g->newest - g->begin) / g->times.step + 1);
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct scalar_agg *self = nm_self(m);
   for (uint32_t i = 0; i < MAX_OUTPUTS; i++) {
      for (uint32_t k = 0; k < self->outputs[i].n; k++) {
         series_close(&self->outputs[i].series[k]);
      }
   }
}

NM_MODULE("scalar_agg",
          "Makes time series of flow records: for each rule a sum, count, average, rate or number of "
          "distinct values in each "
          "interval. A flow counts in all intervals that it touches, its values in proportion. An output has "
          "a record "
          "for each interval, with TIME, its begin, and a field for each rule.",
          .in = NM_INPUTS({"flows", "time TIME_FIRST,time TIME_LAST"}),
          .out = NM_OUTPUTS({.name = "series", .min = 1, .max = MAX_OUTPUTS}), .options = options,
          .state_size = sizeof(struct scalar_agg), .no_eos_option = "no-eof", .check = check, .init = init,
          .format = format, .records = records, .tick = tick, .tick_every = NM_SECONDS(1), .finish = finish,
          .cleanup = cleanup)
