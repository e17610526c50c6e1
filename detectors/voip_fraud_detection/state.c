/* SPDX-License-Identifier: BSD-3-Clause */
/** Files of state: replaced as a whole, so that a crash leaves the old one or the new one; the last id of an event. */
#include "voip.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE  4096
#define RESERVE    100 /* ids that are taken from the file at once */
#define DEFAULT_ID "/data/voip_fraud_detection/event_id.txt"
#define DISABLED   "disabled"

static bool write_all(int fd, const char *text, size_t size)
{
   while (size > 0) {
      ssize_t n = write(fd, text, size);
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         return false;
      }
      text += n;
      size -= (size_t) n;
   }
   return fsync(fd) == 0 || errno == EINVAL; /* not a file of a disk */
}

bool state_write(const char *path, const char *text, size_t size)
{
   char beside[PATH_SIZE];
   int n = snprintf(beside, sizeof(beside), "%s.new", path);
   if (n < 0 || (size_t) n >= sizeof(beside)) {
      errno = ENAMETOOLONG;
      return false;
   }
   int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
   if (fd < 0) {
      return false;
   }
   bool good = write_all(fd, text, size);
   int error = errno;
   if (close(fd) != 0 && good) {
      good = false;
      error = errno;
   }
   if (good && rename(beside, path) == 0) {
      return true;
   }
   error = good ? errno : error;
   unlink(beside);
   errno = error;
   return false;
}

/* ------------------------------------------------------------------- event ids */

static void write_id(nm_module_t *m, uint32_t id)
{
   struct voip *self = nm_self(m);
   char text[16];
   int n = snprintf(text, sizeof(text), "%" PRIu32 "\n", id);
   if (!state_write(self->event_id_path, text, (size_t) n)) {
      self->file_errors++;
      nm_warn(m, "cannot write the last event id to \"%s\": %s", self->event_id_path, strerror(errno));
   }
}

int event_id_parse(nm_module_t *m, FILE *file)
{
   struct voip *self = nm_self(m);
   uint64_t id = 0;
   char text[32] = "";
   bool read = fgets(text, sizeof(text), file) != NULL;
   if (ferror(file) != 0) {
      return nm_fail(m, "-e: cannot read \"%s\": %s", self->event_id_path, strerror(errno));
   }
   text[strcspn(text, "\r\n")] = 0;
   if (read && !nm_number(text, 0, UINT32_MAX, &id)) {
      return nm_fail(m, "-e: \"%s\": expected the last event id, a number up to 4294967295",
                     self->event_id_path);
   }
   self->event_id = self->reserved = (uint32_t) id; /* an empty file: 0 */
   return NM_OK;
}

int event_id_read(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   bool chosen = self->event_id_path != NULL;
   self->event_id_path = chosen ? self->event_id_path : DEFAULT_ID;
   if (strcmp(self->event_id_path, DISABLED) == 0) {
      self->event_id_path = NULL;
      return NM_OK;
   }
   FILE *file = fopen(self->event_id_path, "re");
   if (file == NULL) {
      if (errno != ENOENT) {
         return nm_fail(m, "-e: cannot read \"%s\": %s", self->event_id_path, strerror(errno));
      }
      if (!chosen) { /* made by installations of NEMEA 2 only */
         nm_verbose(m, "no event ids are kept: there is no file \"%s\"", self->event_id_path);
         self->event_id_path = NULL;
      }
      return NM_OK;
   }
   int rc = event_id_parse(m, file);
   fclose(file);
   return rc;
}

/* The file is ahead of the ids by up to RESERVE: it need not be written for each, and after a crash none is given twice. */
uint32_t event_id_new(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   self->event_id++;
   if (self->event_id_path != NULL && self->event_id - self->reserved - 1 < RESERVE) {
      self->reserved = self->event_id + RESERVE - 1;
      write_id(m, self->reserved);
   }
   return self->event_id;
}

void event_id_close(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   if (self->event_id_path != NULL && self->reserved != self->event_id) {
      write_id(m, self->event_id);
   }
}
