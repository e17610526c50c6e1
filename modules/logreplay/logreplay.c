/* SPDX-License-Identifier: BSD-3-Clause */
/** logreplay: sends the lines that logger wrote as records again. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <time.h>
#include <unirec/unirec2csv.h>

NM_FIELDS()

#define TIME_COLUMN "time,"
#define BUFFER_SIZE (1 << 18)

struct logreplay {
   const char *path;
   uint64_t cut; /* 0: all */
   bool no_delay;

   FILE *file;
   char *line;
   size_t line_size;
   bool time_column;
   time_t last_time;
   ur_field_id_t *columns; /* fields in the order of the lines */
   uint16_t n_columns;
   void *record;
   uint64_t rows, skipped;
};

static int set_cut(nm_module_t *m, const char *text)
{
   struct logreplay *self = nm_self(m);
   char *end = NULL;
   errno = 0;
   self->cut = strtoull(text, &end, 10);
   if (end == text || *end != 0 || errno != 0 || *text == '-' || self->cut == 0) {
      return nm_fail(m, "Error: Parameter of -c option must be integer > 0, not \"%s\".", text);
   }
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_STRING('f', "file", struct logreplay, path, NULL,
              "File that logger wrote, with its title; - is standard input."),
    NM_CALL('c', "cut", "uint32", set_cut, "Stop after this many lines."),
    NM_FLAG('d', "disable_timing", struct logreplay, no_delay,
            "Do not wait as long between two lines as their first column (logger -T) says."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   return self->path != NULL ? NM_OK : nm_fail(m, "Error: Missing parameter -f with input file.");
}

/* Reads a line without its end. False at the end of the file. */
static bool next_line(struct logreplay *self)
{
   ssize_t n = getline(&self->line, &self->line_size, self->file);
   if (n < 0) {
      return false;
   }
   while (n > 0 && (self->line[n - 1] == '\n' || self->line[n - 1] == '\r')) {
      self->line[--n] = 0;
   }
   return true;
}

/* Ids of the title's names. */
static int find_columns(nm_module_t *m, const char *title)
{
   struct logreplay *self = nm_self(m);
   char *names = ur_ifc_data_fmt_to_field_names(title), *save = NULL;
   free(self->columns);
   self->n_columns = 0;
   self->columns = calloc(strlen(title) + 1, sizeof(*self->columns));
   for (char *name = names != NULL ? strtok_r(names, ",", &save) : NULL;
        name != NULL && self->columns != NULL; name = strtok_r(NULL, ",", &save)) {
      self->columns[self->n_columns++] = (ur_field_id_t) ur_get_id_by_name(name);
   }
   free(names);
   return self->n_columns > 0 ? NM_OK : nm_fail(m, "Error: no column in the title \"%s\"", title);
}

/* Is this line a title further down, as stands where logger appended or the format changed? Of values, only strings
 * hold a space, and logger writes those in quotes. */
static bool is_title(const char *line)
{
   if (strncmp(line, TIME_COLUMN, strlen(TIME_COLUMN)) == 0) {
      line += strlen(TIME_COLUMN);
   }
   while (islower((unsigned char) *line)) {
      char type[16];
      size_t n = strcspn(line, " ,");
      if (line[n] != ' ' || n >= sizeof(type)) {
         return false;
      }
      memcpy(type, line, n);
      type[n] = 0;
      line += n + 1;
      n = strcspn(line, " ,\"");
      if (ur_get_field_type_from_str(type) < 0 || n == 0 || (line[n] != ',' && line[n] != 0)) {
         return false;
      }
      if (line[n] == 0) {
         return true;
      }
      line += n + 1;
   }
   return false;
}

/* The line at hand becomes the title. */
static int take_title(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   const char *title = self->line;
   self->time_column = strncmp(title, TIME_COLUMN, strlen(TIME_COLUMN)) == 0;
   title += self->time_column ? strlen(TIME_COLUMN) : 0;
   if (strchr(title, '<') != NULL) {
      return nm_fail_status(m, 3, "Error: Invalid unirec field %s", strchr(title, '<'));
   }
   int rc = ur_define_set_of_fields(title);
   if (rc != UR_OK) {
      return nm_fail(m, "Error: Cannot define UniRec fields from header fields \"%s\" (%d).", title, rc);
   }
   rc = nm_set_output(m, 0, title);
   return rc == NM_OK ? find_columns(m, title) : rc;
}

static int init(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   self->file = strcmp(self->path, "-") == 0 ? stdin : fopen(self->path, "re");
   if (self->file == NULL) {
      return nm_fail_status(m, 4, "Error: Cannot open file \"%s\": %s", self->path, strerror(errno));
   }
   setvbuf(self->file, NULL, _IOFBF, BUFFER_SIZE);
   nm_counter(m, "lines", &self->rows);
   nm_counter(m, "skipped", &self->skipped);
   self->record = calloc(1, UR_MAX_SIZE);
   if (self->record == NULL) {
      return nm_fail(m, "out of memory for a record");
   }
   if (!next_line(self)) {
      return nm_fail(m, "Error: %s is empty: expected a title \"type NAME,type NAME,...\"", self->path);
   }
   return take_title(m);
}

/* Takes the first column off the line and waits for its time. */
static const char *pace(struct logreplay *self, const char *line)
{
   struct tm tm = {0};
   const char *rest = strchr(line, ',');
   if (!self->no_delay && strptime(line, "%Y-%m-%dT%H:%M:%S", &tm) != NULL) {
      time_t t = timegm(&tm);
      if (self->last_time != 0 && t > self->last_time) {
         struct timespec delay = {.tv_sec = t - self->last_time};
         nanosleep(&delay, NULL);
      }
      self->last_time = t;
   }
   return rest != NULL ? rest + 1 : "";
}

static int source(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   ur_field_id_t bad = 0;
   if (!next_line(self)) {
      return ferror(self->file) ? nm_fail(m, "cannot read %s: %s", self->path, strerror(errno)) : NM_STOP;
   }
   if (is_title(self->line)) {
      return take_title(m);
   }
   const char *line = self->time_column ? pace(self, self->line) : self->line;
   self->rows++;
   memset(self->record, 0, ur_rec_fixlen_size(nm_out(m)));
   int rc = urcsv_parse(nm_out(m), self->record, line, ',', self->columns, self->n_columns, &bad);
   if (rc > 0) {
      nm_warn(m, "line %" PRIu64 ": Failed to parse time of field %s; it is sent as 0.", self->rows,
              ur_get_name(bad));
   }
   if (rc < 0) {
      self->skipped++;
      nm_warn(m, "invalid field %s in \"%.200s\", record %" PRIu64 " skipped.", ur_get_name(bad), line,
              self->rows);
   }
   rc = rc < 0 ? NM_OK : nm_send(m, self->record);
   return rc == NM_OK && self->cut > 0 && self->rows >= self->cut ? NM_STOP : rc;
}

static void cleanup(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   if (self->file != NULL && self->file != stdin) {
      fclose(self->file);
   }
   free(self->line);
   free(self->columns);
   free(self->record);
}

NM_MODULE("logreplay",
          "Reads a file that logger wrote (CSV with a title) and sends its lines as UniRec records. Lines "
          "that cannot be "
          "read are skipped with a warning.",
          .outputs = 1, .options = options, .state_size = sizeof(struct logreplay), .no_eos_option = "no_eof",
          .send_timeout = TRAP_WAIT, .send_timeout_set = true, .check = check, .init = init, .source = source,
          .cleanup = cleanup)
