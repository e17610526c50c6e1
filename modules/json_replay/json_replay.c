/* SPDX-License-Identifier: BSD-3-Clause */
/** json_replay: sends lines of JSON as messages. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nemea-common/nc_json.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_SIZE (1u << 18) /* grows for longer lines */
#define MAX_LINE \
   (1u << 22) /* bytes; no message is that long, but with blanks a line may be longer than its message */
#define MAX_MESSAGE 65535

struct json_replay {
   const char *id;
   bool verbose;

   char **paths; /* of the command line */
   int n_paths, next_path;
   bool standard_input;
   const char *path; /* of the file at hand */
   int fd;           /* -1: none */
   char *buffer;
   size_t size, pos, filled; /* pos: begin of the line at hand */
   uint64_t line;            /* from 1 */
   nc_json_t text;
   uint64_t skipped;
};

static const nm_option_t options[] = {
    NM_STRING('f', "format", struct json_replay, id, "",
              "Name of what the messages hold, for those who receive them."),
    NM_FLAG(0, "verbose", struct json_replay, verbose, "Print each message (as -v)."),
    NM_END,
};

static int arguments(nm_module_t *m, int count, char **values)
{
   struct json_replay *self = nm_self(m);
   self->paths = values;
   self->n_paths = count > 0 ? count : 1; /* none: standard input */
   self->standard_input = count == 0;
   self->fd = -1;
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct json_replay *self = nm_self(m);
   self->verbose |= nm_verbosity(m) >= 0;
   nm_counter(m, "skipped", &self->skipped);
   self->buffer = malloc(BUFFER_SIZE);
   self->size = BUFFER_SIZE;
   return self->buffer != NULL ? nm_set_output_data(m, 0, NM_JSON, self->id) : nm_fail(m, "out of memory");
}

/* \return NM_STOP: there are no more files */
static int open_next(nm_module_t *m)
{
   struct json_replay *self = nm_self(m);
   if (self->next_path == self->n_paths) {
      return NM_STOP;
   }
   self->path = self->standard_input ? "-" : self->paths[self->next_path];
   self->next_path++;
   self->line = 0;
   self->pos = self->filled = 0;
   self->fd = strcmp(self->path, "-") == 0 ? STDIN_FILENO : open(self->path, O_RDONLY | O_CLOEXEC);
   return self->fd >= 0 ? NM_OK : nm_fail(m, "cannot open file %s: %s", self->path, strerror(errno));
}

static void close_file(struct json_replay *self)
{
   if (self->fd > STDIN_FILENO) {
      close(self->fd);
   }
   self->fd = -1;
}

static void skip(nm_module_t *m, const char *reason, size_t offset)
{
   struct json_replay *self = nm_self(m);
   self->skipped++;
   nm_warn(m, "Error: Can't decode JSON record in '%s' line %" PRIu64 ". The line is skipped. (byte %zu: %s)",
           self->path, self->line, offset, reason);
}

static bool is_blank(const char *line, size_t length)
{
   while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL && line[length - 1] != 0) {
      length--;
   }
   return length == 0;
}

static int send_line(nm_module_t *m, const char *line, size_t length)
{
   struct json_replay *self = nm_self(m);
   nc_json_error_t error;
   self->line++;
   if (is_blank(line, length)) {
      return NM_OK;
   }
   nc_json_clear(&self->text);
   if (!nc_json_normalize(&self->text, line, length, -1, &error)) {
      skip(m, error.reason, error.offset);
      return NM_OK;
   }
   if (self->text.length > MAX_MESSAGE) {
      skip(m, "a message of more than 65535 bytes", 0);
      return NM_OK;
   }
   if (self->text.length == 1) {
      skip(m, "a message of one byte means the end of the stream", 0);
      return NM_OK;
   }
   if (self->verbose) {
      printf("%.*s\n", (int) self->text.length, self->text.data);
   }
   return nm_send_raw(m, 0, self->text.data, (uint16_t) self->text.length);
}

/* Sends all whole lines that were read. */
static int send_lines(nm_module_t *m)
{
   struct json_replay *self = nm_self(m);
   int rc = NM_OK;
   char *end;
   while (rc == NM_OK && (end = memchr(self->buffer + self->pos, '\n', self->filled - self->pos)) != NULL) {
      char *line = self->buffer + self->pos;
      self->pos = (size_t) (end - self->buffer) + 1;
      rc = send_line(m, line, (size_t) (end - line));
   }
   memmove(self->buffer, self->buffer + self->pos, self->filled - self->pos);
   self->filled -= self->pos;
   self->pos = 0;
   return rc;
}

/* A line that fills the buffer: it grows, or the line is lost. */
static int make_room(nm_module_t *m)
{
   struct json_replay *self = nm_self(m);
   if (self->filled < self->size) {
      return NM_OK;
   }
   if (self->size >= MAX_LINE) {
      return nm_fail(m, "file %s line %" PRIu64 ": the line is longer than %u bytes", self->path,
                     self->line + 1, MAX_LINE);
   }
   char *larger = realloc(self->buffer, 2 * self->size);
   if (larger == NULL) {
      return nm_fail(m, "out of memory");
   }
   self->buffer = larger;
   self->size *= 2;
   return NM_OK;
}

static int source(nm_module_t *m)
{
   struct json_replay *self = nm_self(m);
   int rc = self->fd < 0 ? open_next(m) : make_room(m);
   if (rc != NM_OK) {
      return rc;
   }
   ssize_t n = read(self->fd, self->buffer + self->filled, self->size - self->filled);
   if (n < 0) {
      return errno == EINTR || errno == EAGAIN
                 ? NM_OK
                 : nm_fail(m, "cannot read file %s: %s", self->path, strerror(errno));
   }
   self->filled += (size_t) n;
   rc = send_lines(m);
   if (rc == NM_OK && n == 0) {
      rc = self->filled > 0 ? send_line(m, self->buffer, self->filled)
                            : NM_OK; /* the last one may lack its newline */
      close_file(self);
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct json_replay *self = nm_self(m);
   close_file(self);
   free(self->buffer);
   nc_json_free(&self->text);
}

NM_MODULE("json_replay",
          "Sends each line of the files that are named after the options, or of standard input, as a JSON "
          "message.",
          .out = NM_OUTPUTS({"messages", .data = NM_JSON, .timeout = TRAP_WAIT}), .options = options,
          .state_size = sizeof(struct json_replay), .option_status = 2, .no_eos_option = "no-eos",
          .arguments = arguments, .init = init, .source = source, .cleanup = cleanup)
