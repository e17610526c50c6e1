/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_telemetry.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* \return false with errno ENAMETOOLONG */
static bool join(char path[PATH_MAX], const char *directory, const char *name, const char *suffix)
{
   int n = snprintf(path, PATH_MAX, "%s%s%s%s", directory, name != NULL ? "/" : "", name != NULL ? name : "",
                    suffix);
   errno = ENAMETOOLONG;
   return n >= 0 && n < PATH_MAX;
}

static bool write_all(int fd, const char *data, size_t size)
{
   while (size > 0) {
      ssize_t n = write(fd, data, size);
      if (n < 0 && errno != EINTR) {
         return false;
      }
      data += n > 0 ? n : 0;
      size -= n > 0 ? (size_t) n : 0;
   }
   return true;
}

bool nc_telemetry_mkdir(const char *directory, const char *name, char error[NC_TELEMETRY_ERROR])
{
   char path[PATH_MAX];
   if (join(path, directory, name, "") && (mkdir(path, 0755) == 0 || errno == EEXIST)) {
      return true;
   }
   snprintf(error, NC_TELEMETRY_ERROR, "telemetry: cannot create directory %.200s%s%.100s: %s", directory,
            name != NULL ? "/" : "", name != NULL ? name : "", strerror(errno));
   return false;
}

bool nc_telemetry_write(const char *directory, const char *name, const void *data, size_t size,
                        char error[NC_TELEMETRY_ERROR])
{
   char path[PATH_MAX], fresh[PATH_MAX];
   bool good = join(path, directory, name, "") && join(fresh, directory, name, ".new");
   /* O_NOFOLLOW: other users who can write to the directory must not choose what this process overwrites. */
   int fd = good ? open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
   good = fd >= 0 && write_all(fd, data, size);
   int reason = errno;
   if (fd >= 0 && close(fd) != 0 && good) {
      good = false;
      reason = errno;
   }
   if (good && rename(fresh, path) != 0) {
      good = false;
      reason = errno;
   }
   if (!good) {
      snprintf(error, NC_TELEMETRY_ERROR, "telemetry: cannot write %.200s/%.100s: %s", directory, name,
               strerror(reason));
   }
   return good;
}
