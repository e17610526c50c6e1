/* SPDX-License-Identifier: BSD-3-Clause */
/** logger: writes records as lines of text (CSV). */
#include <errno.h>
#include <inttypes.h>
#include <nemea/filter.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unirec/unirec2csv.h>

NM_FIELDS()

#define BUFFER_SIZE (1 << 18)

struct logger {
   const char *path;
   bool append;
   const char *output_fields, *expression;
   bool title, time, spreadsheet;
   bool has_cut;
   uint64_t cut, written;
   char delimiter;

   nm_filter_t *filter;
   nm_matcher_t *matcher; /* NULL: every record is written */
   bool wrong;            /* a comparison is false for every record of the format */
   FILE *file;
   char *header; /* the title written last */
   urcsv_t *csv;
};

static int set_file(nm_module_t *m, const char *path, bool append)
{
   struct logger *self = nm_self(m);
   if (self->path != NULL) {
      return nm_fail(m, "Error: Only one output file may be specified.");
   }
   self->path = path;
   self->append = append;
   return NM_OK;
}

static int set_write(nm_module_t *m, const char *path)
{
   return set_file(m, path, false);
}

static int set_append(nm_module_t *m, const char *path)
{
   return set_file(m, path, true);
}

static int set_cut(nm_module_t *m, const char *text)
{
   struct logger *self = nm_self(m);
   char *end = NULL;
   errno = 0;
   self->cut = strtoull(text, &end, 10);
   self->has_cut = true;
   if (end == text || *end != 0 || *text == '-') {
      return nm_fail(m, "Error: -c: \"%s\" is not a number of records", text);
   }
   if (errno != 0 || self->cut > UINT32_MAX) {
      return nm_fail(m, "Error: -c parameter is too large. (max. %" PRIu32 " records captured)", UINT32_MAX);
   }
   return NM_OK;
}

static int set_delimiter(nm_module_t *m, const char *text)
{
   static const char letters[] = "fnrtv", values[] = "\f\n\r\t\v";
   struct logger *self = nm_self(m);
   const char *letter = text[0] == '\\' && text[1] != 0 && text[2] == 0 ? strchr(letters, text[1]) : NULL;
   if (letter != NULL) {
      self->delimiter = values[letter - letters];
   } else if (text[0] == '\\' && text[1] != 0 && text[2] == 0) {
      return nm_fail(
          m, "Error: Parameter of -d option is not a printable escape sequence [\\f \\n \\r \\t \\v].");
   } else if (text[0] == 0 || text[1] != 0) {
      return nm_fail(m, "Error: Parameter of -d option must contain 1 character or escape sequence.");
   } else {
      self->delimiter = text[0];
   }
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('w', "write", "string", set_write,
            "Write to this file (truncated first) instead of standard output."),
    NM_CALL('a', "append", "string", set_append, "Append to this file."),
    NM_STRING('o', "output_fields", struct logger, output_fields, NULL,
              "Accepted for older configurations; the columns are always those of the input."),
    NM_FLAG('t', "title", struct logger, title, "Write names and types of the columns first."),
    NM_FLAG('T', "time", struct logger, time, "First column: when the record was received."),
    NM_FLAG('s', "spreadsheet", struct logger, spreadsheet,
            "Put a ' before strings and characters that a spreadsheet would run as a formula (= + - @)."),
    NM_STRING('F', "filter", struct logger, expression, NULL,
              "Write only the records for which this expression is true (docs/filter.md). Default: all."),
    NM_CALL('c', "cut", "uint32", set_cut, "Stop after this many lines; 0: as soon as the format is known."),
    NM_CALL('d', "delimiter", "char", set_delimiter,
            "What separates the columns: a character or one of \\f \\n \\r \\t \\v. (default ,)"),
    NM_END,
};

/* Progress goes where it always went: standard output. */
static void say(nm_module_t *m, const char *text)
{
   if (nm_verbosity(m) >= 0) {
      printf("%s\n", text);
   }
}

/* ------------------------------------------------------------------ filter */

static void on_style(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   (void) kind;
   nm_warn(arg, "--filter, byte %zu: %s", offset, text);
}

static void on_wrong(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   struct logger *self = nm_self(arg);
   (void) kind;
   self->wrong = true;
   nm_warn(arg, "--filter, byte %zu: %s", offset, text);
}

static int parse_filter(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   nm_filter_error_t error;
   if (self->expression == NULL) {
      return NM_OK;
   }
   self->filter = nm_filter_parse(self->expression, on_style, m, &error);
   return self->filter != NULL
              ? NM_OK
              : nm_fail(m, "--filter \"%.200s\", byte %zu: %s", self->expression, error.offset, error.text);
}

/* A comparison that the first format does not allow is taken for a mistake; later formats may lack a field. */
static int bind_filter(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   bool first = self->matcher == NULL;
   if (self->filter == NULL) {
      return NM_OK;
   }
   nm_matcher_free(self->matcher);
   self->matcher = nm_filter_bind(self->filter, nm_in(m), NULL, NULL, on_wrong, m);
   if (self->matcher == NULL) {
      return nm_fail(m, "out of memory for the filter");
   }
   return first && self->wrong
              ? nm_fail(m, "--filter \"%.200s\" does not suit the records of the input", self->expression)
              : NM_OK;
}

/* -------------------------------------------------------------------- life */

static int check(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   if (nm_verbosity(m) >= 0) {
      printf("Verbosity level: %d\n", nm_verbosity(m));
   }
   if (self->delimiter == 0) {
      self->delimiter = ',';
   }
   if (self->output_fields != NULL) {
      fprintf(stderr, "Warning: parameter -o is currently not supported and will be ignored.\n");
      if (ur_define_set_of_fields(self->output_fields) != UR_OK) {
         return nm_fail_status(m, 2, "Error: -o: \"%s\" is not a list \"type NAME,type NAME\"",
                               self->output_fields);
      }
   }
   say(m, "Initializing TRAP library ...");
   return parse_filter(m);
}

static int init(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   say(m, "Creating UniRec templates ...");
   self->file = stdout;
   if (self->path != NULL) {
      if (nm_verbosity(m) >= 0) {
         printf("Creating output file \"%s\" ...\n", self->path);
      }
      self->file = fopen(self->path, self->append ? "ae" : "we");
      if (self->file == NULL) {
         return nm_fail_status(m, 3, "Error: can't open output file: \"%s\": %s", self->path,
                               strerror(errno));
      }
   }
   /* Lines that a person reads come one by one; files and pipes get them when no record is waiting. */
   setvbuf(self->file, NULL, isatty(fileno(self->file)) ? _IOLBF : _IOFBF, BUFFER_SIZE);
   say(m, "Initialization done.");
   return NM_OK;
}

/* Once, and again when the columns change, so that every line matches the title above it. */
static void write_title(struct logger *self)
{
   char *header = urcsv_header(self->csv);
   if (header != NULL && (self->header == NULL || strcmp(header, self->header) != 0)) {
      fprintf(self->file, "%s%s\n", self->time ? "time," : "", header);
   }
   free(self->header);
   self->header = header;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct logger *self = nm_self(m);
   (void) input;
   urcsv_free(&self->csv);
   self->csv = urcsv_init((ur_template_t *) nm_in(m), self->delimiter);
   if (self->csv == NULL) {
      return nm_fail(m, "out of memory for the columns");
   }
   urcsv_guard_formulas(self->csv, self->spreadsheet);
   if (bind_filter(m) != NM_OK) {
      return NM_ERROR;
   }
   if (self->title) {
      write_title(self);
   }
   return self->has_cut && self->cut == 0 ? NM_STOP : NM_OK;
}

static void put_time(FILE *file)
{
   char text[32];
   struct tm tm;
   time_t now = time(NULL);
   strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S,", gmtime_r(&now, &tm));
   fputs(text, file);
}

static int write_error(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   return nm_fail(m, "cannot write to %s: %s", self->path != NULL ? self->path : "standard output",
                  strerror(errno));
}

static int record(nm_module_t *m, const void *rec)
{
   struct logger *self = nm_self(m);
   size_t length;
   if (self->matcher != NULL && !nm_matcher_match(self->matcher, rec)) {
      return NM_OK;
   }
   const char *line = urcsv_line(self->csv, rec, &length);
   if (line == NULL) {
      return nm_fail(m, "out of memory for a line");
   }
   if (self->time) {
      put_time(self->file);
   }
   if (fwrite_unlocked(line, 1, length, self->file) != length || putc_unlocked('\n', self->file) == EOF) {
      return write_error(m);
   }
   return self->has_cut && ++self->written >= self->cut ? NM_STOP : NM_OK;
}

static int flush(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   return fflush(self->file) == 0 && !ferror(self->file) ? NM_OK : write_error(m);
}

static int end_of_input(nm_module_t *m, uint32_t input)
{
   (void) input;
   say(m, "Received ending record, interface will be closed.");
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   say(m, "Exitting ...");
   int rc = flush(m);
   FILE *file = self->file;
   self->file = NULL;
   /* Some file systems tell only now that there was no room. */
   return file != stdout && fclose(file) != 0 && rc == NM_OK ? write_error(m) : rc;
}

static void cleanup(nm_module_t *m)
{
   struct logger *self = nm_self(m);
   urcsv_free(&self->csv);
   nm_matcher_free(self->matcher);
   nm_filter_free(self->filter);
   free(self->header);
   if (self->file != NULL && self->file != stdout) {
      fclose(self->file);
   }
}

NM_MODULE("logger",
          "Writes incoming UniRec records as text, one line each (CSV), to a file or standard output. Times "
          "are UTC, "
          "strings are in double quotes, arrays are [a|b|c].",
          .input = NM_ANY_FORMAT, .inputs = 1, .options = options, .state_size = sizeof(struct logger),
          .interface_status = 2, .check = check, .init = init, .format = format, .record = record,
          .idle = flush, .end_of_input = end_of_input, .finish = finish, .cleanup = cleanup)
