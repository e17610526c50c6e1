/* SPDX-License-Identifier: BSD-3-Clause */
/** bl_downloader: keeps the files of the blacklist filters up to date with public lists. */
#include "entities.h"
#include "fetch.h"
#include "repo.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SHA256
#include <openssl/evp.h>
#endif

#define DEFAULT_STATE "/var/lib/nemea/blacklists"
#define DEFAULT_SIZE  64 /* MB */
#define SHA256_TEXT   64
#define DEBUG         10
#define INFO          20
#define WARNING       30

struct list {
   struct entities entities;
   char etag[FETCH_TAG], modified[FETCH_TAG];
   time_t checked; /* last time that the server was heard; monotonic; 0: not yet */
   bool changed;
   char file[BL_WORD + 16]; /* name in the state directory and the repository */
};

struct downloader {
   const char *config_path, *repo, *state;
   unsigned level;
   bool once;
   struct bl_config config;
   struct list *lists; /* as config.sources */
   struct fetch_limits limits;
   unsigned failed; /* lists and files */
};

static volatile sig_atomic_t stopping;

static void on_signal(int signal)
{
   (void) signal;
   stopping = 1;
}

static bool should_stop(void)
{
   return stopping != 0;
}

static unsigned log_level = INFO;

__attribute__((format(printf, 2, 3))) static void say(unsigned level, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   if (level >= log_level) {
      nc_text_vline(stderr, level >= WARNING ? "bl_downloader: warning: " : "bl_downloader: ", format, ap);
   }
   va_end(ap);
}

/* ---------------------------------------------------------------------- files */

static void path_of(const char *directory, const char *file, const char *end, char path[BL_PATH_MAX])
{
   snprintf(path, BL_PATH_MAX, "%s/%s%s", directory, file, end);
}

/* Contents of a file, to free(); NULL: there is none, or it cannot be read. */
static char *read_file(const char *path, size_t *size)
{
   char error[BL_ERROR];
   struct bl_stamp stamp;
   int fd = bl_open(path, &stamp, error);
   char *data = fd >= 0 && stamp.size >= 0 ? malloc((size_t) stamp.size + 1) : NULL;
   *size = 0;
   while (data != NULL && *size < (size_t) stamp.size) {
      ssize_t n = read(fd, data + *size, (size_t) stamp.size - *size);
      if (n <= 0) {
         break;
      }
      *size += (size_t) n;
   }
   if (fd >= 0) {
      close(fd);
   }
   if (data != NULL) {
      data[*size] = 0;
   }
   return data;
}

/* Replaces a file unless it is the same already. */
static bool write_file(struct downloader *d, const char *path, const char *data, size_t size)
{
   char error[BL_ERROR];
   size_t old_size;
   char *old = read_file(path, &old_size);
   bool same = old != NULL && old_size == size && memcmp(old, data, size) == 0;
   free(old);
   if (same) {
      return true;
   }
   if (!bl_replace(path, data, size, error)) {
      say(WARNING, "cannot write %s", error);
      d->failed++;
      return false;
   }
   return true;
}

/* Name of a list as the name of a file: nothing in it is a path, an option or a hidden file. */
static void make_file_name(const struct bl_source *s, char to[BL_WORD + 16])
{
   int n = sprintf(to, "%s-%u-", s->names ? "names" : "ip", s->id);
   for (const char *p = s->name; *p != 0; p++) {
      bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                   *p == '.' || *p == '-';
      to[n++] = plain ? *p : '_';
   }
   to[n] = 0;
}

/* What was downloaded before this start. */
static void load_state(struct downloader *d, size_t i)
{
   struct list *list = &d->lists[i];
   char path[BL_PATH_MAX];
   size_t size;
   path_of(d->state, list->file, "", path);
   char *data = read_file(path, &size);
   if (data == NULL || !entities_read(&d->config.sources[i], data, size, &list->entities)) {
      free(data);
      return;
   }
   free(data);
   path_of(d->state, list->file, ".tags", path);
   data = read_file(path, &size);
   if (data != NULL) {
      char *save = NULL, *url = strtok_r(data, "\n", &save), *etag = strtok_r(NULL, "\n", &save),
           *modified = strtok_r(NULL, "\n", &save);
      if (url != NULL && strcmp(url, d->config.sources[i].url) == 0 && etag != NULL && modified != NULL) {
         snprintf(list->etag, sizeof(list->etag), "%s", etag + 1);
         snprintf(list->modified, sizeof(list->modified), "%s", modified + 1);
      }
   }
   free(data);
}

static bool save_list(struct downloader *d, size_t i)
{
   struct list *list = &d->lists[i];
   char path[BL_PATH_MAX], tags[BL_URL_MAX + 2 * FETCH_TAG + 8], *text = NULL;
   size_t size = 0;
   FILE *to = open_memstream(&text, &size);
   bool good = to != NULL && entities_write(&list->entities, to);
   good = to != NULL && fclose(to) == 0 && good;
   if (good) {
      path_of(d->state, list->file, "", path);
      good = write_file(d, path, text, size);
      if (good && d->repo != NULL) {
         path_of(d->repo, list->file, "", path);
         good = write_file(d, path, text, size);
      }
   }
   free(text);
   if (good) { /* the tags after the list: a list without tags is only fetched once more */
      int n = snprintf(tags, sizeof(tags), "%s\n:%s\n:%s\n", d->config.sources[i].url, list->etag,
                       list->modified);
      path_of(d->state, list->file, ".tags", path);
      good = write_file(d, path, tags, (size_t) n);
   }
   return good;
}

static void write_detector_file(struct downloader *d, enum bl_file file)
{
   char *text = NULL;
   size_t size = 0;
   bool used = false;
   struct entities *entities = calloc(d->config.n, sizeof(*entities));
   for (size_t i = 0; entities != NULL && i < d->config.n; i++) {
      entities[i] = d->lists[i].entities;
      used |= d->config.sources[i].files[file];
   }
   FILE *to = entities != NULL && used ? open_memstream(&text, &size) : NULL;
   bool good = to != NULL && entities_detector_file(file, d->config.sources, entities, d->config.n, to);
   good = to != NULL && fclose(to) == 0 && good;
   if (good) {
      write_file(d, d->config.files[file], text, size);
   } else if (used) {
      say(WARNING, "%s: out of memory", d->config.files[file]);
      d->failed++;
   }
   free(text);
   free(entities);
}

/* Files of which a list has changed. At the start those of which a list is known, or that are not there yet. */
static void write_detector_files(struct downloader *d, bool start)
{
   for (int file = 0; file < BL_FILE_COUNT; file++) {
      bool changed = start && access(d->config.files[file], F_OK) != 0;
      for (size_t i = 0; i < d->config.n; i++) {
         const struct list *list = &d->lists[i];
         changed |= (list->changed || (start && list->entities.n > 0)) && d->config.sources[i].files[file];
      }
      if (changed && d->config.files[file][0] != 0) {
         write_detector_file(d, (enum bl_file) file);
      }
   }
}

static void commit(struct downloader *d)
{
   static const char *const messages[2] = {"IP blacklists updated", "URL/DNS blacklists updated"};
   for (int names = 0; names < 2 && d->repo != NULL; names++) {
      const char *files[2 * BL_MAX_LISTS];
      size_t n = 0;
      for (size_t i = 0; i < d->config.n; i++) {
         if (d->lists[i].changed && d->config.sources[i].names == (names == 1)) {
            files[n++] = d->lists[i].file;
         }
      }
      if (n > 0 && (!repo_open(d->repo) || !repo_commit(d->repo, messages[names], files, n))) {
         say(WARNING, "git cannot keep the lists in %s", d->repo);
         d->failed++;
      }
   }
}

/* ------------------------------------------------------------------- downloads */

/* Begins the checksum file with the digest of the data? */
static bool checksum_fits(const struct fetch *data, const struct fetch *checksum, char error[BL_ERROR])
{
#ifdef HAVE_SHA256
   unsigned char digest[EVP_MAX_MD_SIZE];
   unsigned n = 0;
   char text[2 * EVP_MAX_MD_SIZE + 1] = "";
   if (checksum->result != FETCH_NEW) {
      snprintf(error, BL_ERROR, "its checksum %s cannot be fetched: %s", checksum->url, checksum->error);
      return false;
   }
   if (EVP_Digest(data->data != NULL ? data->data : "", data->size, digest, &n, EVP_sha256(), NULL) != 1) {
      snprintf(error, BL_ERROR, "the checksum cannot be computed");
      return false;
   }
   for (unsigned i = 0; i < n; i++) {
      sprintf(text + 2 * (size_t) i, "%02x", digest[i]);
   }
   if (checksum->size < SHA256_TEXT || strncasecmp(checksum->data, text, SHA256_TEXT) != 0) {
      snprintf(error, BL_ERROR, "SHA-256 is %s, %s says otherwise", text, checksum->url);
      return false;
   }
   return true;
#else
   (void) data, (void) checksum;
   snprintf(error, BL_ERROR, "checksums need OpenSSL, which this program was built without");
   return false;
#endif
}

static void use(struct downloader *d, size_t i, const struct fetch *f, const struct fetch *checksum,
                time_t now)
{
   const struct bl_source *s = &d->config.sources[i];
   struct list *list = &d->lists[i];
   struct entities entities;
   char error[BL_ERROR];
   if (f->result == FETCH_UNCHANGED) {
      say(DEBUG, "%s: unchanged", s->name);
      list->checked = now;
      return;
   }
   if (f->result == FETCH_FAILED || (checksum != NULL && !checksum_fits(f, checksum, error)) ||
       !entities_extract(s, f->data != NULL ? f->data : "", f->size, &entities, error)) {
      say(WARNING, "%s (%s): %s; the old list stays in use", s->name, s->url,
          f->result == FETCH_FAILED ? f->error : error);
      d->failed++;
      return;
   }
   list->checked = now;
   bool same_tags = strcmp(list->etag, f->etag) == 0 && strcmp(list->modified, f->modified) == 0;
   list->changed = !entities_equal(&entities, &list->entities);
   entities_free(&list->entities);
   list->entities = entities;
   memcpy(list->etag, f->etag, sizeof(list->etag));
   memcpy(list->modified, f->modified, sizeof(list->modified));
   say(list->changed ? INFO : DEBUG, "%s: %zu entries%s", s->name, entities.n,
       list->changed ? "" : ", the same");
   if ((list->changed || !same_tags) && !save_list(d, i)) {
      list->etag[0] = list->modified[0] = 0; /* fetched once more */
   }
}

static bool is_due(const struct downloader *d, size_t i, time_t now)
{
   time_t checked = d->lists[i].checked;
   return checked == 0 || now - checked >= (time_t) d->config.sources[i].interval * 60;
}

/* Fetches all lists that are due. \return false: out of memory */
static bool look(struct downloader *d, time_t now)
{
   size_t n = d->config.n, n_data = 0, n_sums = 0;
   struct fetch *data = calloc(2 * n, sizeof(*data)), *sums = data + n;
   size_t *of = calloc(n, sizeof(*of)); /* list of each download */
   if (data == NULL || of == NULL) {
      free(data);
      free(of);
      return false;
   }
   for (size_t i = 0; i < n; i++) {
      d->lists[i].changed = false;
      if (is_due(d, i, now)) {
         data[n_data].url = d->config.sources[i].url;
         memcpy(data[n_data].etag, d->lists[i].etag, FETCH_TAG);
         memcpy(data[n_data].modified, d->lists[i].modified, FETCH_TAG);
         of[n_data++] = i;
      }
   }
   fetch_all(data, n_data, &d->limits, should_stop);
   for (size_t k = 0; k < n_data; k++) {
      if (data[k].result == FETCH_NEW && d->config.sources[of[k]].sha256_url[0] != 0) {
         sums[n_sums].url = d->config.sources[of[k]].sha256_url;
         data[k].context = &sums[n_sums++];
      }
   }
   fetch_all(sums, n_sums, &d->limits, should_stop);
   for (size_t k = 0; k < n_data && !stopping; k++) {
      use(d, of[k], &data[k], data[k].context, now);
   }
   for (size_t k = 0; k < 2 * n; k++) {
      free(data[k].data);
   }
   free(data);
   free(of);
   return true;
}

static time_t monotonic(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_BOOTTIME, &ts);
   return ts.tv_sec + 1; /* 0 means never */
}

static int run(struct downloader *d)
{
   write_detector_files(d, true);
   while (!stopping) {
      time_t now = monotonic();
      d->failed = 0;
      if (!look(d, now)) {
         say(WARNING, "out of memory");
         d->failed++;
      }
      write_detector_files(d, false);
      commit(d);
      if (d->once) {
         break;
      }
      struct timespec rest = {.tv_sec = (time_t) d->config.interval * 60};
      while (!stopping && nanosleep(&rest, &rest) != 0) {
      }
   }
   return d->failed > 0 || (d->once && stopping) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ----------------------------------------------------------------- command line */

static const char help[] =
    "usage: bl_downloader [OPTION...]\n"
    "\n"
    "Downloads public blacklists over HTTP and HTTPS, and keeps the files up to date that "
    "ipblacklistfilter,\n"
    "dnsblacklistfilter and urlblacklistfilter read.\n"
    "\n"
    "  -c, --config-file FILE  lists and files (default " NEMEA_CONFDIR
    "/blacklistfilter/bl_downloader_config.xml)\n"
    "  -r, --repo-path DIR     keep all versions of the lists in this git repository (made if need be)\n"
    "  -s, --state-dir DIR     where the lists are kept between starts (default " DEFAULT_STATE ")\n"
    "  -l, --log-level N       10: everything; 20: changes (default); 30: warnings\n"
    "  -m, --max-size MB       largest list, also after decompression (1 to 4096, default 64)\n"
    "  -o, --once              look once and end; the exit status is 1 when something failed\n"
    "  -h, --help              this text\n";

__attribute__((format(printf, 1, 2))) static bool usage_error(const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   nc_text_vline(stderr, "bl_downloader: ", format, ap);
   va_end(ap);
   return false;
}

static bool number(const char *option, const char *text, unsigned long min, unsigned long max,
                   unsigned long *to)
{
   char *end;
   errno = 0;
   *to = strtoul(text, &end, 10);
   return (*text >= '0' && *text <= '9' && *end == 0 && errno == 0 && *to >= min && *to <= max) ||
          usage_error("option %s: \"%s\" is not a number from %lu to %lu", option, text, min, max);
}

/* \return false: wrong, or help was asked for */
static bool parse(struct downloader *d, int argc, char **argv, int *status)
{
   static const struct option options[] = {{"config-file", required_argument, NULL, 'c'},
                                           {"repo-path", required_argument, NULL, 'r'},
                                           {"state-dir", required_argument, NULL, 's'},
                                           {"log-level", required_argument, NULL, 'l'},
                                           {"max-size", required_argument, NULL, 'm'},
                                           {"once", no_argument, NULL, 'o'},
                                           {"help", no_argument, NULL, 'h'},
                                           {NULL, 0, NULL, 0}};
   unsigned long level = INFO, size = DEFAULT_SIZE;
   bool good = true;
   int c;
   opterr = 0;
   *status = EXIT_FAILURE;
   while (good && (c = getopt_long(argc, argv, ":c:r:s:l:m:oh", options, NULL)) != -1) {
      switch (c) {
      case 'c': d->config_path = optarg; break;
      case 'r': d->repo = optarg; break;
      case 's': d->state = optarg; break;
      case 'l': good = number("-l, --log-level", optarg, 0, 100, &level); break;
      case 'm': good = number("-m, --max-size", optarg, 1, 4096, &size); break;
      case 'o': d->once = true; break;
      case 'h':
         fputs(help, stdout);
         *status = nc_flush_stdout("bl_downloader") ? EXIT_SUCCESS : EXIT_FAILURE;
         return false;
      case ':': return usage_error("option %s needs an argument (see bl_downloader -h)", argv[optind - 1]);
      default: return usage_error("unknown option %s (see bl_downloader -h)", argv[optind - 1]);
      }
   }
   if (good && optind < argc) {
      return usage_error("unexpected argument \"%s\" (see bl_downloader -h)", argv[optind]);
   }
   log_level = (unsigned) level;
   d->limits.size = size << 20;
   return good;
}

static void warn(void *context, const char *text)
{
   say(WARNING, "%s: %s", (const char *) context, text);
}

static bool open_downloader(struct downloader *d)
{
   char error[BL_ERROR], installed[BL_PATH_MAX];
   d->config_path = bl_config_file(d->config_path, installed);
   if (!bl_config_read(d->config_path, &d->config, warn, (void *) (uintptr_t) d->config_path, error)) {
      return usage_error("%s", error);
   }
   d->limits.timeout = d->config.timeout;
   d->limits.total = d->config.timeout < 30 ? 300 : 10 * d->config.timeout;
   d->lists = calloc(d->config.n, sizeof(*d->lists));
   if (d->lists == NULL) {
      return usage_error("out of memory");
   }
   for (size_t i = 0; i < d->config.n; i++) {
      make_file_name(&d->config.sources[i], d->lists[i].file);
      load_state(d, i);
   }
   return true;
}

int main(int argc, char **argv)
{
   struct downloader d = {.config_path = NEMEA_CONFDIR "/blacklistfilter/bl_downloader_config.xml",
                          .state = DEFAULT_STATE};
   struct sigaction action = {.sa_handler = on_signal};
   int status;
   if (!parse(&d, argc, argv, &status)) {
      return status;
   }
   sigaction(SIGTERM, &action, NULL);
   sigaction(SIGINT, &action, NULL);
   signal(SIGPIPE, SIG_IGN);
   umask(022);
   curl_global_init(CURL_GLOBAL_DEFAULT);
   status = open_downloader(&d) ? run(&d) : EXIT_FAILURE;
   for (size_t i = 0; d.lists != NULL && i < d.config.n; i++) {
      entities_free(&d.lists[i].entities);
   }
   free(d.lists);
   bl_config_free(&d.config);
   curl_global_cleanup();
   return status;
}
