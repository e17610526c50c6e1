/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define END "]\n"

static bool write_at(int fd, const char *text, size_t size, long long at)
{
   while (size > 0) {
      ssize_t n = pwrite(fd, text, size, at);
      if (n < 0 && errno != EINTR) {
         return false;
      }
      n = n > 0 ? n : 0;
      text += n;
      size -= (size_t) n;
      at += n;
   }
   return true;
}

bool report_open(struct report *r, const char *path)
{
   *r = (struct report){
       .fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), .first = true, .end = 1};
   return r->fd >= 0 && write_at(r->fd, "[" END, 1 + strlen(END), 0);
}

static bool begin(struct report *r)
{
   if (r->stream == NULL) {
      r->devices = 0;
      r->stream = open_memstream(&r->text, &r->size);
      if (r->stream != NULL) {
         fputs(r->first ? "[" : ",\n[", r->stream);
      }
   }
   return r->stream != NULL;
}

bool report_add(struct report *r, const char *ip, const char *labels)
{
   if (!begin(r)) {
      return false;
   }
   fprintf(r->stream, "%s{\"ip\":\"%s\",\"labels\":[", r->devices++ > 0 ? "," : "", ip);
   for (const char *comma = ""; *labels != 0; comma = ",") {
      size_t n = strcspn(labels, ",");
      fprintf(r->stream, "%s\"%.*s\"", comma, (int) n, labels);
      labels += n + (labels[n] == ',');
   }
   return fputs("]}", r->stream) >= 0;
}

bool report_end(struct report *r)
{
   if (!begin(r)) {
      return false;
   }
   fputs("]" END, r->stream);
   bool good = fclose(r->stream) == 0 && write_at(r->fd, r->text, r->size, r->end);
   int error = errno;
   if (good) {
      r->end += (long long) (r->size - strlen(END));
      r->first = false;
   } else { /* back to the outputs before; where that fails, too, the next output writes over it */
      (void) (write_at(r->fd, END, strlen(END), r->end) &&
              ftruncate(r->fd, r->end + (long long) strlen(END)) == 0);
   }
   free(r->text);
   r->text = NULL;
   r->stream = NULL;
   errno = error;
   return good;
}

void report_close(struct report *r)
{
   if (r->stream != NULL) {
      fclose(r->stream);
      free(r->text);
   }
   if (r->fd >= 0) {
      close(r->fd);
   }
}
