/* SPDX-License-Identifier: BSD-3-Clause */
/** logreplay: sends the lines that logger wrote as records again. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <unirec/unirec2csv.h>

NM_FIELDS()

#define TIME_COLUMN "time,"
#define BUFFER_SIZE (1u << 18) /* grows for longer lines */
#define MAX_LINE \
   (1u << 22) /* bytes; the longest line that logger writes, an array of doubles, has 2.7 million */

struct logreplay {
   const char *path;
   uint64_t cut; /* 0: all */
   bool no_delay;

   int fd;
   char *buffer;
   size_t size, pos, filled; /* pos: after the line at hand */
   char *line;               /* in the buffer */
   uint64_t number;          /* of the line, from 1 */
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

enum line { LINE_READ, LINE_TOO_LONG, LINE_NONE, LINE_STOPPED, LINE_ERROR };

/* Makes room after what is in the buffer and reads more. \return bytes read, 0 at the end, -1 with errno */
static ssize_t read_more(struct logreplay *self)
{
   if (self->pos > 0) {
      memmove(self->buffer, self->buffer + self->pos, self->filled - self->pos);
      self->filled -= self->pos;
      self->pos = 0;
   }
   if (self->filled + 1 >= self->size) {
      size_t size = self->size > 0 ? 2 * self->size : BUFFER_SIZE;
      char *larger = realloc(self->buffer, size);
      if (larger == NULL) {
         return -1;
      }
      self->buffer = larger;
      self->size = size;
   }
   ssize_t n = read(self->fd, self->buffer + self->filled, self->size - 1 - self->filled);
   self->filled += n > 0 ? (size_t) n : 0;
   return n;
}

/* Reads up to the next newline, without keeping what exceeds MAX_LINE. */
static enum line find_line(nm_module_t *m, char **end)
{
   struct logreplay *self = nm_self(m);
   bool too_long = false;
   size_t seen = 0; /* bytes after pos that hold no newline */
   for (;;) {
      size_t left = self->filled - self->pos;
      *end = left > seen ? memchr(self->buffer + self->pos + seen, '\n', left - seen) : NULL;
      if (*end != NULL) {
         return too_long ? LINE_TOO_LONG : LINE_READ;
      }
      seen = left;
      if (left >= MAX_LINE) {
         too_long = true;
         self->pos = self->filled;
         seen = 0;
      }
      ssize_t n = read_more(self);
      if (nm_stopping(m)) {
         return LINE_STOPPED;
      }
      if (n < 0 && errno != EINTR) {
         return LINE_ERROR;
      }
      if (n == 0) { /* the last line may lack its newline */
         *end = self->buffer + self->filled;
         return too_long ? LINE_TOO_LONG : self->filled > self->pos ? LINE_READ : LINE_NONE;
      }
   }
}

/* Takes the next line, without its end. */
static enum line next_line(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   char *end;
   enum line result = find_line(m, &end);
   if (result != LINE_READ && result != LINE_TOO_LONG) {
      return result;
   }
   self->number++;
   self->line = self->buffer + self->pos;
   size_t next = (size_t) (end - self->buffer) + 1;
   self->pos = next < self->filled ? next : self->filled;
   while (end > self->line && end[-1] == '\r') {
      end--;
   }
   *end = 0; /* read_more() leaves room for it */
   return result;
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
   bool enough = names != NULL && self->columns != NULL;
   free(names);
   if (!enough) {
      return nm_fail(m, "out of memory for the columns");
   }
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

/* Defines the fields of a title; the one that cannot be is named. */
static int define_columns(nm_module_t *m, const char *title)
{
   const struct logreplay *self = nm_self(m);
   for (const char *p = title; *p != 0;) {
      char column[256];
      size_t n = strcspn(p, ",");
      int shown = n < sizeof(column) ? (int) n : (int) sizeof(column) - 1;
      snprintf(column, sizeof(column), "%.*s", shown, p);
      int rc = n < sizeof(column) ? ur_define_set_of_fields(column) : UR_E_INVALID_NAME;
      if (rc != UR_OK) {
         return nm_fail(
             m,
             "Error: Cannot define UniRec fields from header fields: %s, line %" PRIu64 ": column \"%s\": %s",
             self->path, self->number, column,
             rc == UR_E_INVALID_TYPE ? "it has no known type, expected \"type NAME\" such as \"uint32 PORT\""
             : rc == UR_E_INVALID_NAME  ? "the name must be of letters, digits and _ and begin with a letter"
             : rc == UR_E_TYPE_MISMATCH ? "the field has another type elsewhere"
                                        : "out of memory");
      }
      p += n + (p[n] == ',');
   }
   return NM_OK;
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
   int rc = define_columns(m, title);
   if (rc != NM_OK) {
      return rc;
   }
   rc = nm_set_output(m, 0, title);
   return rc == NM_OK ? find_columns(m, title) : rc;
}

static int read_error(nm_module_t *m)
{
   const struct logreplay *self = nm_self(m);
   return nm_fail(m, "cannot read %s after line %" PRIu64 ": %s", self->path, self->number, strerror(errno));
}

static int init(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   self->fd = strcmp(self->path, "-") == 0 ? STDIN_FILENO : open(self->path, O_RDONLY | O_CLOEXEC);
   if (self->fd < 0) {
      return nm_fail_status(m, 4, "Error: Cannot open file \"%s\": %s", self->path, strerror(errno));
   }
   nm_counter(m, "lines", &self->rows);
   nm_counter(m, "skipped", &self->skipped);
   self->record = calloc(1, UR_MAX_SIZE);
   if (self->record == NULL) {
      return nm_fail(m, "out of memory for a record");
   }
   switch (next_line(m)) {
   case LINE_READ: return take_title(m);
   case LINE_NONE:
      return nm_fail(m, "Error: %s is empty: expected a title \"type NAME,type NAME,...\"", self->path);
   case LINE_TOO_LONG:
      return nm_fail(m, "Error: %s: the first line is longer than %u bytes, expected a title", self->path,
                     MAX_LINE);
   case LINE_STOPPED: return NM_STOP;
   default: return read_error(m);
   }
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
   switch (next_line(m)) {
   case LINE_READ: break;
   case LINE_TOO_LONG:
      self->rows++;
      self->skipped++;
      nm_warn(m, "%s, line %" PRIu64 ": longer than %u bytes, skipped", self->path, self->number, MAX_LINE);
      return NM_OK;
   case LINE_ERROR: return read_error(m);
   default: return NM_STOP;
   }
   if (is_title(self->line)) {
      return take_title(m);
   }
   const char *line = self->time_column ? pace(self, self->line) : self->line;
   self->rows++;
   memset(self->record, 0, ur_rec_fixlen_size(nm_out(m)));
   int rc = urcsv_parse(nm_out(m), self->record, line, ',', self->columns, self->n_columns, &bad);
   if (rc > 0) {
      nm_warn(m, "line %" PRIu64 ": Failed to parse time of field %s; it is sent as 0.", self->number,
              ur_get_name(bad));
   }
   if (rc < 0) {
      self->skipped++;
      nm_warn(m, "%s, line %" PRIu64 ": invalid field %s in \"%.200s\", record skipped.", self->path,
              self->number, ur_get_name(bad), line);
   }
   rc = rc < 0 ? NM_OK : nm_send(m, self->record);
   return rc == NM_OK && self->cut > 0 && self->rows >= self->cut ? NM_STOP : rc;
}

static void cleanup(nm_module_t *m)
{
   struct logreplay *self = nm_self(m);
   if (self->fd > STDIN_FILENO) {
      close(self->fd);
   }
   free(self->buffer);
   free(self->columns);
   free(self->record);
}

NM_MODULE("logreplay",
          "Reads a file that logger wrote (CSV with a title) and sends its lines as UniRec records. Lines "
          "that cannot be "
          "read are skipped with a warning.",
          .outputs = 1, .options = options, .state_size = sizeof(struct logreplay), .no_eos_option = "no_eof",
          .send_timeout = TRAP_WAIT, .check = check, .init = init, .source = source, .cleanup = cleanup)
