/* SPDX-License-Identifier: BSD-3-Clause */
/** pdns_exporter: answers of name servers as compressed JSON files, for passive DNS databases. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nemea-common/nc_json.h>
#include <nemea/module.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "fields.h"

NM_FIELDS(uint32 PACKETS, uint16 DNS_ANSWERS, uint16 SRC_PORT, uint8 DNS_RCODE, uint16 DNS_QTYPE,
          bytes DNS_RDATA, string DNS_NAME, uint32 DNS_RR_TTL, time TIME_FIRST, time TIME_LAST)

#define DNS_PORT   53
#define TYPE_A     1
#define TYPE_CNAME 5
#define TYPE_AAAA  28
#define MOST_NAMES 10000 /* files that are made in one second */
#define TEXT_SIZE  65536 /* JSON that is compressed at a time */

struct exporter {
   uint64_t per_file;
   const char *directory, *temporary;
   char path[PATH_MAX]; /* of the file at hand */
   gzFile file;         /* NULL: none */
   uint64_t in_file;    /* records */
   nc_json_t json;
   uint64_t second; /* whose text is kept */
   char second_text[32];
   uint64_t exported, files, lost;
};

static const nm_option_t options[] = {
    NM_U64('t', "threshold", struct exporter, per_file, 5000, 1, UINT64_MAX, "Answers in a file."),
    NM_STRING('d', "dir", struct exporter, directory, "./", "Directory of the files."),
    NM_STRING(0, "tmp-dir", struct exporter, temporary, "./",
              "Directory of the file that is being written; best on the file system of --dir."),
    NM_END,
};

/* ------------------------------------------------------------------- files */

/* The records of the file at hand are lost: say why, and go on with another file. */
static void give_up(nm_module_t *m, const char *what, const char *path, int reason)
{
   struct exporter *self = nm_self(m);
   nm_warn(m, "cannot %s '%s': %s: its answers are lost", what, path, strerror(reason));
   self->lost += self->in_file;
   self->in_file = 0;
   if (self->file != NULL) {
      gzclose(self->file);
      self->file = NULL;
   }
   unlink(self->path);
}

static bool open_file(nm_module_t *m)
{
   struct exporter *self = nm_self(m);
   snprintf(self->path, sizeof(self->path), "%s/tmp-XXXXXX.json.gz", self->temporary);
   int fd = mkostemps(self->path, 8, O_CLOEXEC);
   if (fd >= 0) {
      fchmod(fd, 0644);
      self->file = gzdopen(fd, "wb1");
      if (self->file == NULL) {
         close(fd);
      }
   }
   if (self->file == NULL) {
      int reason = errno;
      self->path[0] = 0;
      self->in_file = 1;
      give_up(m, "make a file in", self->temporary, reason);
   }
   return self->file != NULL;
}

/* Compresses the text at hand. \return false: the file is given up */
static bool flush_text(nm_module_t *m)
{
   struct exporter *self = nm_self(m);
   const char *failed = self->json.failed;
   size_t length = self->json.length;
   errno = ENOSPC; /* what zlib does not say otherwise */
   bool good = failed == NULL &&
               (length == 0 || gzwrite(self->file, self->json.data, (unsigned) length) == (int) length);
   nc_json_clear(&self->json);
   if (!good) {
      give_up(m, "write", self->path, failed != NULL ? ENOMEM : errno);
   }
   return good;
}

/* Copies the file at hand to a name in the other file system. */
static bool copy_to(const struct exporter *self, const char *beside)
{
   int from = open(self->path, O_RDONLY | O_CLOEXEC);
   int to = from >= 0 ? open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
   char buffer[65536];
   ssize_t n = to >= 0 ? 1 : -1;
   while (n > 0 && (n = read(from, buffer, sizeof(buffer))) > 0) {
      if (write(to, buffer, (size_t) n) != n) {
         n = -1;
      }
   }
   bool good = n == 0 && fsync(to) == 0;
   int reason = errno;
   if (to >= 0) {
      good = close(to) == 0 && good;
   }
   if (from >= 0) {
      close(from);
   }
   if (!good && to >= 0) {
      unlink(beside);
   }
   errno = reason;
   return good;
}

/* Renames a file, and replaces none; where the file system has no such call, another program may come between. */
static bool rename_new(const char *from, const char *to)
{
   if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
      return true;
   }
   if (errno != EINVAL) {
      return false;
   }
   if (access(to, F_OK) == 0) {
      errno = EEXIST;
      return false;
   }
   return rename(from, to) == 0;
}

/* Gives the file its name: pdns_data_TIME.json.gz, or, when there is one of this second, pdns_data_TIME-N.json.gz. */
static bool name_file(struct exporter *self)
{
   char stamp[32], name[PATH_MAX + 64], beside[PATH_MAX];
   time_t now = time(NULL);
   struct tm local;
   strftime(stamp, sizeof(stamp), "%Y%m%d.%H%M%S", localtime_r(&now, &local));
   for (unsigned i = 0; i < MOST_NAMES; i++) {
      char number[16] = "";
      if (i > 0) {
         snprintf(number, sizeof(number), "-%u", i);
      }
      snprintf(name, sizeof(name), "%s/pdns_data_%s%s.json.gz", self->directory, stamp, number);
      if (rename_new(self->path, name)) {
         return true;
      }
      if (errno == EXDEV) {
         int n = snprintf(beside, sizeof(beside), "%s%s", self->directory, strrchr(self->path, '/'));
         if (n < 0 || (size_t) n >= sizeof(beside) || !copy_to(self, beside)) {
            return false;
         }
         unlink(self->path);
         memcpy(self->path, beside, sizeof(beside));
      } else if (errno != EEXIST) {
         return false;
      }
   }
   return false;
}

/* Ends the file at hand, if there is one. */
static void end_file(nm_module_t *m)
{
   struct exporter *self = nm_self(m);
   if (self->file == NULL) {
      return;
   }
   nc_json_raw(&self->json, "]\n", 2);
   if (!flush_text(m)) {
      return;
   }
   errno = ENOSPC;
   int rc = gzclose(self->file);
   self->file = NULL;
   if (rc != Z_OK) {
      give_up(m, "write", self->path, errno);
   } else if (!name_file(self)) {
      give_up(m, "make a file in", self->directory, errno);
   } else {
      self->exported += self->in_file;
      self->files++;
      self->in_file = 0;
   }
}

/* ----------------------------------------------------------------- answers */

static bool is_name(const char *text, size_t length)
{
   bool letters = false;
   for (size_t i = 0; i < length; i++) {
      if ((unsigned char) text[i] <= ' ' || text[i] == 0x7f) {
         return false;
      }
      letters |= text[i] != '.';
   }
   return letters;
}

/* Type of the answer, which is not that of the question where a server answers with another name. \return 0: none of those exported */
static unsigned answer_type(const char *data, size_t length)
{
   char text[INET6_ADDRSTRLEN];
   ip_addr_t ip;
   if (length < sizeof(text)) {
      memcpy(text, data, length);
      text[length] = 0;
      if (strlen(text) == length && ip_from_str(text, &ip)) {
         return ip_is4(&ip) ? TYPE_A : TYPE_AAAA;
      }
   }
   return is_name(data, length) ? TYPE_CNAME : 0;
}

/* ISO 8601, UTC. */
static void write_time(struct exporter *self, ur_time_t t)
{
   char text[48];
   if (self->second_text[0] == 0 || ur_time_get_sec(t) != self->second) {
      time_t seconds = (time_t) ur_time_get_sec(t);
      struct tm utc;
      self->second = ur_time_get_sec(t);
      strftime(self->second_text, sizeof(self->second_text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
   }
   int n = snprintf(text, sizeof(text), "\"%s.%06u\"", self->second_text, (unsigned) ur_time_get_usec(t));
   nc_json_raw(&self->json, text, (size_t) n);
}

static void key(nc_json_t *json, const char *text)
{
   nc_json_raw(json, text, strlen(text));
}

static int record(nm_module_t *m, const void *rec)
{
   struct exporter *self = nm_self(m);
   uint16_t question = nm_get(m, rec, F_DNS_QTYPE);
   if (nm_get(m, rec, F_PACKETS) != 1 || nm_get(m, rec, F_DNS_ANSWERS) == 0 ||
       nm_get(m, rec, F_SRC_PORT) != DNS_PORT || nm_get(m, rec, F_DNS_RCODE) != 0 ||
       (question != TYPE_A && question != TYPE_CNAME && question != TYPE_AAAA)) {
      return NM_OK;
   }
   const char *data = (const char *) nm_get_ptr(m, rec, F_DNS_RDATA);
   size_t length = nm_get_len(m, rec, F_DNS_RDATA);
   unsigned type = answer_type(data, length);
   if (type == 0 || (self->file == NULL && !open_file(m))) {
      return NM_OK;
   }
   nc_json_t *json = &self->json;
   key(json, self->in_file == 0 ? "[{\"response\": " : ", {\"response\": ");
   nc_json_string(json, data, length);
   key(json, ", \"query\": ");
   nc_json_string(json, nm_get_ptr(m, rec, F_DNS_NAME), nm_get_len(m, rec, F_DNS_NAME));
   key(json, ", \"ttl\": ");
   nc_json_u64(json, nm_get(m, rec, F_DNS_RR_TTL));
   key(json, ", \"type\": ");
   nc_json_u64(json, type);
   key(json, ", \"time_first\": ");
   write_time(self, nm_get(m, rec, F_TIME_FIRST));
   key(json, ", \"time_last\": ");
   write_time(self, nm_get(m, rec, F_TIME_LAST));
   key(json, "}");
   self->in_file++;
   if (self->in_file == self->per_file) {
      end_file(m);
   } else if (json->length >= TEXT_SIZE) {
      flush_text(m);
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct exporter *self = nm_self(m);
   const char *const directories[] = {self->directory, self->temporary};
   for (int i = 0; i < 2; i++) {
      if (strlen(directories[i]) > PATH_MAX - 64) {
         return nm_fail(m, "option %s: the path is too long", i == 0 ? "-d, --dir" : "--tmp-dir");
      }
      if (access(directories[i], W_OK | X_OK) != 0) {
         return nm_fail(m, "option %s: cannot write to directory '%s': %m",
                        i == 0 ? "-d, --dir" : "--tmp-dir", directories[i]);
      }
   }
   nm_counter(m, "answers exported", &self->exported);
   nm_counter(m, "answers lost", &self->lost);
   nm_counter(m, "files", &self->files);
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   end_file(m);
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct exporter *self = nm_self(m);
   end_file(m); /* there is none but after an error */
   nc_json_free(&self->json);
}

NM_MODULE(
    "pdns_exporter",
    "Writes the addresses and names that name servers answered with to files of compressed JSON, for "
    "databases of passive DNS.",
    .in = NM_INPUTS(
        {"DNS flows",
         "uint32 PACKETS,uint16 DNS_ANSWERS,uint16 SRC_PORT,uint8 DNS_RCODE,uint16 DNS_QTYPE,bytes DNS_RDATA,"
         "string DNS_NAME,uint32 DNS_RR_TTL,time TIME_FIRST,time TIME_LAST"}),
    .options = options, .state_size = sizeof(struct exporter), .init = init, .record = record,
    .finish = finish, .cleanup = cleanup)
