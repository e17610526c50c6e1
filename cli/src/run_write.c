/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration of a deployment as files of the supervisor. */
#include "run_plan.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNLIMITED 30                     /* value of module-restarts */
#define NAMESPACE "urn:nemea:supervisor" /* of attributes that NEMEA 2 does not look at */

static const char *const names[RUN_PROFILES] = {"Data sources", "Detectors", "Reporters", "Stores", "Page"};
static const char *const directories[RUN_PROFILES] = {"data-sources", "detectors", "reporters", "stores",
                                                      "page"};

const char *run_profile_name(enum run_profile profile)
{
   return names[profile];
}

const char *run_profile_directory(enum run_profile profile)
{
   return directories[profile];
}

static bool failed(const char *path, char error[RUN_ERROR])
{
   snprintf(error, RUN_ERROR, "cannot write %.800s: %s", path, strerror(errno));
   return false;
}

static bool path_in(const char *directory, const char *name, char path[PATH_MAX], char error[RUN_ERROR])
{
   if (snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX) {
      return true;
   }
   errno = ENAMETOOLONG;
   return failed(directory, error);
}

/* Text of an element. */
static void put(FILE *to, const char *text)
{
   for (; *text != 0; text++) {
      switch (*text) {
      case '&': fputs("&amp;", to); break;
      case '<': fputs("&lt;", to); break;
      case '>': fputs("&gt;", to); break;
      default: fputc(*text, to); break;
      }
   }
}

static void put_element(FILE *to, const char *indent, const char *name, const char *text)
{
   fprintf(to, "%s<%s>", indent, name);
   put(to, text);
   fprintf(to, "</%s>\n", name);
}

static void put_module(FILE *to, const struct run_module *m)
{
   /* The supervisor has the right to capture only to hand it on: no filter keeps scripts, as reporters are, from getting it. */
   fputs(m->profile == RUN_DATA_SOURCES ? "<module>\n"
                                        : "<module xmlns:s=\"" NAMESPACE "\" s:capabilities=\"none\">\n",
         to);
   put_element(to, "  ", "name", m->name);
   put_element(to, "  ", "enabled", "true");
   put_element(to, "  ", "path", m->path);
   if (m->params != NULL && *m->params != 0) {
      put_element(to, "  ", "params", m->params);
   }
   if (m->once) {
      put_element(to, "  ", "module-restarts", "0");
   }
   fputs(m->n_interfaces > 0 ? "  <trapinterfaces>\n" : "", to);
   for (unsigned i = 0; i < m->n_interfaces; i++) {
      fputs("    <interface>\n      <type>UNIXSOCKET</type>\n", to);
      put_element(to, "      ", "direction", m->interfaces[i].out ? "OUT" : "IN");
      put_element(to, "      ", "params", m->interfaces[i].params);
      fputs("    </interface>\n", to);
   }
   fputs(m->n_interfaces > 0 ? "  </trapinterfaces>\n</module>\n" : "</module>\n", to);
}

/* Files are written under another name first: a supervisor that reads them finds the old or the new one. */
static FILE *begin(const char *path, char error[RUN_ERROR])
{
   char temporary[PATH_MAX + 8];
   snprintf(temporary, sizeof(temporary), "%s.new", path);
   FILE *file = fopen(temporary, "we");
   if (file == NULL) {
      failed(path, error);
   }
   return file;
}

static bool end(FILE *file, const char *path, char error[RUN_ERROR])
{
   char temporary[PATH_MAX + 8];
   snprintf(temporary, sizeof(temporary), "%s.new", path);
   bool good = !ferror(file);
   good = fclose(file) == 0 && good && rename(temporary, path) == 0;
   if (!good) {
      failed(path, error);
      unlink(temporary);
   }
   return good;
}

static bool write_module(const char *directory, const struct run_module *m, char error[RUN_ERROR])
{
   char path[PATH_MAX], name[128];
   snprintf(name, sizeof(name), "%s/%.100s.sup", directories[m->profile], m->name);
   FILE *file = path_in(directory, name, path, error) ? begin(path, error) : NULL;
   if (file == NULL) {
      return false;
   }
   put_module(file, m);
   return end(file, path, error);
}

static bool write_template(const char *directory, char error[RUN_ERROR])
{
   char path[PATH_MAX];
   FILE *file = path_in(directory, RUN_TEMPLATE, path, error) ? begin(path, error) : NULL;
   if (file == NULL) {
      return false;
   }
   fprintf(file,
           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<nemea-supervisor>\n"
           "  <supervisor>\n"
           "    <module-restarts>%d</module-restarts>\n"
           "  </supervisor>\n",
           UNLIMITED);
   for (int i = 0; i < RUN_PROFILES; i++) {
      fprintf(file,
              "  <modules>\n"
              "    <name>%s</name>\n"
              "    <enabled>true</enabled>\n"
              "    <!-- include %s/%s -->\n"
              "  </modules>\n",
              names[i], directory, directories[i]);
   }
   fputs("</nemea-supervisor>\n", file);
   return end(file, path, error);
}

static bool write_networks(const struct run_config *c, const char *directory, char error[RUN_ERROR])
{
   char path[PATH_MAX];
   if (c->n_networks == 0) {
      return true;
   }
   FILE *file = path_in(directory, RUN_NETWORKS_FILE, path, error) ? begin(path, error) : NULL;
   if (file == NULL) {
      return false;
   }
   for (unsigned i = 0; i < c->n_networks; i++) {
      fprintf(file, "%s %s\n", c->networks[i].prefix, c->networks[i].label);
   }
   return end(file, path, error);
}

/* Makes the directory of a profile, without .sup files. */
static bool make_empty(const char *directory, const char *name, char error[RUN_ERROR])
{
   char path[PATH_MAX];
   if (!path_in(directory, name, path, error)) {
      return false;
   }
   if (mkdir(path, 0755) != 0 && errno != EEXIST) {
      return failed(path, error);
   }
   DIR *dir = opendir(path);
   if (dir == NULL) {
      return failed(path, error);
   }
   bool good = true;
   for (struct dirent *e; good && (e = readdir(dir)) != NULL;) {
      size_t n = strlen(e->d_name);
      if (n > 4 && strcmp(e->d_name + n - 4, ".sup") == 0 && unlinkat(dirfd(dir), e->d_name, 0) != 0) {
         good = failed(path, error);
      }
   }
   closedir(dir);
   return good;
}

bool run_write(const struct run_plan *p, const struct run_config *c, const char *directory,
               char error[RUN_ERROR])
{
   bool good = true;
   for (int i = 0; i < RUN_PROFILES && good; i++) {
      good = make_empty(directory, directories[i], error);
   }
   for (unsigned i = 0; i < p->n && good; i++) {
      good = write_module(directory, &p->modules[i], error);
   }
   return good && write_networks(c, directory, error) && write_template(directory, error);
}
