/* SPDX-License-Identifier: BSD-3-Clause */
/** debug_sender: a person composes records and sends them. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "value.h"

NM_FIELDS()

#define DEFAULT_COMMAND "help"

struct sender {
   char *fields;
   const ur_template_t *tmplt; /* of the output */
   char *record;               /* UR_MAX_SIZE bytes */
   char **rules;               /* of each field in record order, NULL: none */
   char *line;                 /* what was typed */
   size_t size;
   char last[64]; /* command, repeated by an empty line */
   uint64_t wrong;
};

static int arguments(nm_module_t *m, int count, char **values)
{
   struct sender *self = nm_self(m);
   size_t size = 1;
   for (int i = 0; i < count; i++) {
      size += strlen(values[i]) + 1;
   }
   self->fields = calloc(1, size);
   for (int i = 0; self->fields != NULL && i < count; i++) { /* a format without quotes is several words */
      strcat(strcat(self->fields, i > 0 ? " " : ""), values[i]);
   }
   return count > 0 && self->fields != NULL
              ? NM_OK
              : nm_fail(m,
                        "expected the format of the records after the options: \"type NAME,type NAME,...\"");
}

/* \return false: end of input, or the module should end */
static bool read_line(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   fflush(stdout);
   ssize_t n = nm_stopping(m) ? -1 : getline(&self->line, &self->size, stdin);
   if (n < 0) {
      putchar('\n');
      return false;
   }
   self->line[strcspn(self->line, "\r\n")] = 0;
   return true;
}

/* ----------------------------------------------------------------- record */

static ur_field_id_t field(const struct sender *self, uint32_t i)
{
   return self->tmplt->ids[i];
}

static int print_value(nm_module_t *m, uint32_t i)
{
   struct sender *self = nm_self(m);
   char *text = value_text(self->tmplt, self->record, field(self, i));
   if (text == NULL) {
      return nm_fail(m, "out of memory for a value");
   }
   fputs(text, stdout);
   free(text);
   return NM_OK;
}

static int print_record(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < self->tmplt->count; i++) {
      printf("%s = ", ur_get_name(field(self, i)));
      rc = print_value(m, i);
      if (self->rules[i] != NULL) {
         printf(" {%s}", self->rules[i]);
      }
      putchar('\n');
   }
   return rc;
}

/* "!RULE" is applied before each record is sent; "!" ends that. \return false: bad text */
static bool set_rule(struct sender *self, uint32_t i, const char *rule)
{
   char *scratch = malloc(UR_MAX_SIZE), *copy = *rule != 0 ? strdup(rule) : NULL;
   bool good = scratch != NULL && (*rule == 0 || copy != NULL);
   if (good && copy != NULL) {
      memcpy(scratch, self->record, ur_rec_size(self->tmplt, self->record));
      good = value_set(self->tmplt, scratch, field(self, i), copy);
   }
   free(scratch);
   if (!good) {
      free(copy);
      return false;
   }
   free(self->rules[i]);
   self->rules[i] = copy;
   return true;
}

static bool edit_field(nm_module_t *m, uint32_t i)
{
   struct sender *self = nm_self(m);
   for (;;) {
      printf("%s [", ur_get_name(field(self, i)));
      print_value(m, i);
      if (self->rules[i] != NULL) {
         printf(" {%s}", self->rules[i]);
      }
      printf("]: ");
      if (!read_line(m)) {
         return false;
      }
      const char *text = self->line;
      if (*text == 0 || (*text == '!' ? set_rule(self, i, text + 1)
                                      : value_set(self->tmplt, self->record, field(self, i), text))) {
         return true;
      }
      self->wrong++;
      printf("Unable to convert '%s' to %s: expected a value of this type%s\n", text + (*text == '!'),
             ur_field_type_str[ur_get_type(field(self, i))],
             value_is_relative(field(self, i), "+0") ? ", or +NUMBER, -NUMBER" : "");
   }
}

static int edit(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   for (uint32_t i = 0; i < self->tmplt->count; i++) {
      if (!edit_field(m, i)) {
         return NM_STOP;
      }
   }
   return NM_OK;
}

/* ------------------------------------------------------------------- send */

static int send_one(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   for (uint32_t i = 0; i < self->tmplt->count; i++) {
      if (self->rules[i] != NULL && !value_set(self->tmplt, self->record, field(self, i), self->rules[i])) {
         return nm_fail(m, "field %s: the rule \"%s\" cannot be applied", ur_get_name(field(self, i)),
                        self->rules[i]);
      }
   }
   return nm_send(m, self->record);
}

static int send_records(nm_module_t *m, const char *count)
{
   struct sender *self = nm_self(m);
   uint64_t n = 1;
   int rc = NM_OK;
   if (*count != 0 && !nm_number(count, 1, UINT64_MAX, &n)) {
      self->wrong++;
      printf("\"%s\" is not a number of records\n", count);
      return NM_OK;
   }
   if (*count == 0) {
      printf("Sending the record ... ");
   } else {
      printf("Sending %" PRIu64 " records ... ", n);
   }
   fflush(stdout);
   for (uint64_t i = 0; rc == NM_OK && i < n; i++) {
      rc = nm_stopping(m) ? NM_STOP : send_one(m);
   }
   puts(rc == NM_OK ? "done" : "stopped");
   return rc;
}

/* The format is set again, so that records may follow. */
static int send_end(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   printf("Sending the end of stream ... ");
   fflush(stdout);
   int rc = nm_end_output(m, 0);
   rc = rc == NM_OK ? nm_set_output(m, 0, self->fields) : rc;
   self->tmplt = nm_out(m);
   puts(rc == NM_OK ? "done" : "stopped");
   return rc;
}

/* --------------------------------------------------------------- commands */

static int help(nm_module_t *m)
{
   (void) m;
   fputs("p, print        show the record\n"
         "e, edit         ask for the value of each field; an empty line keeps it\n"
         "                +X, -X       add to a number, a time (seconds) or an address, or take away\n"
         "                now, now+S   the time at this moment, S seconds later\n"
         "                !RULE        apply it before each record is sent; ! removes it\n"
         "s, send [N]     send the record, or N of it\n"
         "t, stop         send the end of stream\n"
         "x, exit, q, quit, end of input: end\n"
         "An empty line repeats the last command.\n",
         stdout);
   return NM_OK;
}

static int leave(nm_module_t *m)
{
   (void) m;
   return NM_STOP;
}

static const struct command {
   const char *letter, *word;
   int (*run)(nm_module_t *m);
} commands[] = {
    {"p", "print", print_record}, {"e", "edit", edit},  {"t", "stop", send_end},
    {"x", "exit", leave},         {"q", "quit", leave}, {"h", "help", help},
};

static int run(nm_module_t *m, char *line)
{
   struct sender *self = nm_self(m);
   char *save = NULL, *word = strtok_r(line, " \t", &save), *argument = strtok_r(NULL, " \t", &save);
   if (strcmp(word, "s") == 0 || strcmp(word, "send") == 0) {
      return send_records(m, argument != NULL ? argument : "");
   }
   for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
      if (strcmp(word, commands[i].letter) == 0 || strcmp(word, commands[i].word) == 0) {
         return commands[i].run(m);
      }
   }
   self->wrong++;
   printf("Unknown command \"%s\". Type help to get list of commands.\n", word);
   return NM_OK;
}

static int source(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   char line[sizeof(self->last)];
   printf("> ");
   if (!read_line(m)) {
      return NM_STOP;
   }
   if (self->line[strspn(self->line, " \t")] != 0) {
      snprintf(self->last, sizeof(self->last), "%s", self->line);
   }
   memcpy(line, self->last, sizeof(line));
   return run(m, line);
}

/* ------------------------------------------------------------------- life */

static int init(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   snprintf(self->last, sizeof(self->last), DEFAULT_COMMAND);
   int rc = nm_set_output(m, 0, self->fields);
   if (rc != NM_OK) {
      return rc;
   }
   trap_ifcctl(TRAPIFC_OUTPUT, 0, TRAPCTL_BUFFERSWITCH, 0); /* readers see each record at once */
   self->tmplt = nm_out(m);
   self->record = calloc(1, UR_MAX_SIZE);
   self->rules = calloc(self->tmplt->count + 1u, sizeof(*self->rules));
   if (self->record == NULL || self->rules == NULL) {
      return nm_fail(m, "out of memory for a record");
   }
   puts("debug_sender: composes records and sends them.\n");
   rc = print_record(m);
   puts("\nType help to get list of commands.");
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct sender *self = nm_self(m);
   for (uint32_t i = 0; self->rules != NULL && i < self->tmplt->count; i++) {
      free(self->rules[i]);
   }
   free(self->rules);
   free(self->record);
   free(self->line);
   free(self->fields);
}

NM_MODULE("debug_sender",
          "Sends records composed by hand, to test other modules. The argument is the format of the records: "
          "debug_sender -i u:flows \"ipaddr SRC_IP,uint16 DST_PORT,time TIME_LAST\". "
          "Commands are read from standard input; help lists them.",
          .out = NM_OUTPUTS({"records"}), .state_size = sizeof(struct sender), .flags = NM_NO_EOS,
          .arguments = arguments, .init = init, .source = source, .cleanup = cleanup)
