/* SPDX-License-Identifier: BSD-3-Clause */
/** Which program needs what. A program of this system that is not listed needs streams and the files of its command line only. */
#include "sandbox.h"

#include <limits.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const sandbox_data[] = {"/data",        "/var/lib/nemea",   "/var/cache/nemea",
                                    "/run/libtrap", "/var/run/libtrap", NULL};

static const struct kind {
   const char *program;
   const char *argument; /* only with this option, "-x" or "--word" */
   unsigned needs;
   const char *off; /* why it runs without a filter */
} kinds[] = {
    {"adaptive_filter", NULL, SANDBOX_INTERNET | SANDBOX_DATA, NULL},
    {"alert_output", NULL, SANDBOX_INTERNET | SANDBOX_DATA, NULL},
    {"backscatter_classifier", NULL, SANDBOX_INTERNET | SANDBOX_DATA, NULL},
    {"bl_downloader", NULL, SANDBOX_INTERNET | SANDBOX_DATA, NULL},
    {"clickhouse", NULL, SANDBOX_INTERNET | SANDBOX_DATA, NULL},
    {"flow_collector", NULL, SANDBOX_INTERNET, NULL},
    {"flow_meter", "-I", SANDBOX_INTERNET | SANDBOX_PACKETS, NULL},
    {"flow_meter", "--interface", SANDBOX_INTERNET | SANDBOX_PACKETS, NULL},
    {"flow_meter", "-x", SANDBOX_INTERNET, NULL},
    {"flow_meter", "--ipfix", SANDBOX_INTERNET, NULL},
    {"ipfixprobe", NULL, SANDBOX_INTERNET | SANDBOX_PACKETS, NULL},
    {"json_dump", NULL, SANDBOX_INTERNET, NULL},
    {"miner_detector", NULL, SANDBOX_INTERNET | SANDBOX_DATA, NULL},
    {"nemea_page", NULL, SANDBOX_INTERNET | SANDBOX_PROGRAMS | SANDBOX_DATA, NULL},
    {"resolver", NULL, SANDBOX_INTERNET, NULL},

    /* Their configuration, or their defaults, name files. */
    {"alert_store", NULL, SANDBOX_DATA, NULL},
    {"biflow_aggregator", NULL, SANDBOX_DATA, NULL},
    {"brute_force_detector", NULL, SANDBOX_DATA, NULL},
    {"dnsblacklistfilter", NULL, SANDBOX_DATA, NULL},
    {"dnstunnel_detection", NULL, SANDBOX_DATA, NULL},
    {"evaluator", NULL, SANDBOX_DATA, NULL},
    {"flow_archive", NULL, SANDBOX_DATA, NULL},
    {"hoststatsnemea", NULL, SANDBOX_DATA, NULL},
    {"ipblacklistfilter", NULL, SANDBOX_DATA, NULL},
    {"link_traffic", NULL, SANDBOX_DATA, NULL},
    {"proto_traffic", NULL, SANDBOX_DATA, NULL},
    {"smtp_spam_detector", NULL, SANDBOX_DATA, NULL},
    {"urlblacklistfilter", NULL, SANDBOX_DATA, NULL},
    {"voip_fraud_detection", NULL, SANDBOX_DATA, NULL},
    {"waintrusion_detector", NULL, SANDBOX_DATA, NULL},

    {"ipfixprobed", NULL, 0, "it starts other programs"},
    {"luamodule", NULL, 0, "its script may do anything"},
    {"nemea", NULL, 0, "it starts other programs"},
    {"supervisor", NULL, 0, "it starts other programs"},
    {"supcli", NULL, 0, "it is a client"},
    /* A file system is mounted by fusermount3, which needs the rights of root that no_new_privs takes. */
    {"deduplicator", "-m", 0, "it mounts a file system (-m)"},
    {"deduplicator", "--appfs-mountpoint", 0, "it mounts a file system (-m)"},
    {"listdetector", "-m", 0, "it mounts a file system (-m)"},
    {"listdetector", "--appfs-mountpoint", 0, "it mounts a file system (-m)"},
    {"sampler", "-m", 0, "it mounts a file system (-m)"},
    {"sampler", "--appfs-mountpoint", 0, "it mounts a file system (-m)"},
    {"telemetry_stats", "-m", 0, "it mounts a file system (-m)"},
    {"telemetry_stats", "--appfs-mountpoint", 0, "it mounts a file system (-m)"},
};

/* --------------------------------------------------------- programs of this system */

struct places {
   char self[PATH_MAX], programs[PATH_MAX], root[PATH_MAX];
};

/* In the build tree all programs are in BUILD/bin, as links; installed, in the directory of this one. */
static const struct places *places(void)
{
   static struct places p;
   char *self = p.self, built[PATH_MAX + 512], other[PATH_MAX];
   if (*p.programs != 0 || realpath("/proc/self/exe", self) == NULL) {
      return &p;
   }
   char *name = strrchr(self, '/');
   *name++ = 0;
   int n = snprintf(built, sizeof(built), "%s/../bin/%s", self, name);
   bool in_build = n > 0 && (size_t) n < sizeof(built) && realpath(built, other) != NULL;
   if (in_build) {
      *strrchr(other, '/') = 0;
      in_build = strcmp(self, other) == 0;
   }
   (void) snprintf(built, sizeof(built), in_build ? "%s/../bin" : "%s", self);
   if (realpath(built, p.programs) == NULL) {
      *p.programs = 0;
   }
   (void) snprintf(built, sizeof(built), "%s/%s", self, in_build ? ".." : SANDBOX_PREFIX);
   if (realpath(built, p.root) == NULL || strcmp(p.root, "/") == 0) {
      *p.root = 0;
   }
   return &p;
}

const char *sandbox_root(void)
{
   return places()->root;
}

/* \param name gets that of the file which is executed in the end \return why not */
static const char *foreign(const char *path, char name[NAME_MAX + 1])
{
   char directory[PATH_MAX], resolved[PATH_MAX], magic[4] = "";
   const char *slash = strrchr(path, '/');
   size_t length = slash != NULL ? (size_t) (slash - path) : 0;
   if (slash == NULL || length >= sizeof(directory)) {
      return "it is not a program of NEMEA";
   }
   memcpy(directory, path, length);
   directory[length] = 0;
   if (realpath(*directory != 0 ? directory : "/", resolved) == NULL ||
       (strcmp(resolved, places()->programs) != 0 && strcmp(resolved, places()->self) != 0) ||
       realpath(path, resolved) == NULL) {
      return "it is not a program of NEMEA";
   }
   FILE *f = fopen(resolved, "re");
   bool elf =
       f != NULL && fread(magic, 1, sizeof(magic), f) == sizeof(magic) && memcmp(magic, "\177ELF", 4) == 0;
   if (f != NULL) {
      (void) fclose(f);
   }
   (void) snprintf(name, NAME_MAX + 1, "%s", strrchr(resolved, '/') + 1);
   return elf ? NULL : "it is a script";
}

bool sandbox_program(const char *path, char *name)
{
   return foreign(path, name) == NULL;
}

/* ------------------------------------------------------------------------ needs */

/* Letters may be joined ("-nI"), words cut ("--interf"). To find an option that is not there only allows more. */
static bool has_argument(char *const argv[], const char *wanted)
{
   for (char *const *a = argv + 1; argv[0] != NULL && *a != NULL; a++) {
      size_t n = strcspn(*a, "=");
      if ((*a)[0] != '-') {
         continue;
      }
      if (wanted[1] == '-' ? (*a)[1] == '-' && n > 2 && strncmp(*a, wanted, n) == 0
                           : (*a)[1] != '-' && strchr(*a, wanted[1]) != NULL) {
         return true;
      }
   }
   return false;
}

/* Interfaces of another machine (-i t:..., T:...), and the osquery plugin of flow_meter, which starts osqueryi. */
static unsigned needs_of_arguments(char *const argv[])
{
   unsigned needs = 0;
   for (char *const *a = argv + 1; argv[0] != NULL && *a != NULL; a++) {
      const char *spec = NULL;
      if (strcmp(*a, "-i") == 0 && a[1] != NULL) {
         spec = a[1];
      } else if (strncmp(*a, "-i", 2) == 0) {
         spec = *a + 2;
      }
      for (const char *p = spec; p != NULL; p = strchr(p, ',')) {
         p += *p == ',';
         if ((*p == 't' || *p == 'T') && p[1] == ':') {
            needs |= SANDBOX_INTERNET;
         }
      }
      if (strstr(*a, "osquery") != NULL) {
         needs |= SANDBOX_PROGRAMS;
      }
   }
   return needs;
}

struct sandbox sandbox_of(const char *path, char *const argv[])
{
   char name[NAME_MAX + 1];
   struct sandbox s = {.why = foreign(path, name)};
   for (size_t i = 0; s.why == NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
      const struct kind *k = &kinds[i];
      if (strcmp(k->program, name) == 0 && (k->argument == NULL || has_argument(argv, k->argument))) {
         s.needs |= k->needs;
         s.why = k->off;
      }
   }
   s.on = s.why == NULL;
   s.needs = s.on ? s.needs | needs_of_arguments(argv) : 0;
   return s;
}

void sandbox_name(const struct sandbox *s, char *text, size_t size)
{
   if (!s->on) {
      (void) snprintf(text, size, "off");
      return;
   }
   (void) snprintf(text, size, "streams%s%s%s%s", s->needs & SANDBOX_INTERNET ? ", internet" : "",
                   s->needs & SANDBOX_PACKETS ? ", packets" : "",
                   s->needs & SANDBOX_PROGRAMS ? ", programs" : "", s->needs & SANDBOX_DATA ? ", data" : "");
}
