/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * nemea new-module: a directory with a module that builds, from the templates in DATADIR/nemea.
 *
 * In templates, @NAME@, @DESCRIPTION@, @AUTHOR@, @EMAIL@, @INPUTS@ and @OUTPUTS@ are replaced, also in names of files. A line that
 * begins with @IN@, @OUT@ or @NOIN@ is there only when the module has inputs, outputs, no inputs.
 */
#include "cli.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAME  64
#define MAX_IFCS  32
#define EXAMPLE   "example_module" /* whose build files classic modules get */
#define TEMPLATES DATADIR "/nemea/templates"
#define EXAMPLES  DATADIR "/nemea-framework/examples/c/module"

struct new_module {
   const char *name, *directory;
   char description[512], author[128], email[128], inputs[8], outputs[8];
   bool classic, python;
   char prefix[PATH_MAX]; /* where share/nemea is */
};

void cli_new_module_help(FILE *to)
{
   fputs("usage: nemea new-module [OPTION...] NAME\n"
         "\n"
         "Makes a directory NAME with a module that builds: its source, build files, a README. NAME is an "
         "identifier of C:\n"
         "letters, digits and underscores.\n"
         "\n"
         "  -c, --classic           written directly on libtrap and libunirec and built with autotools, as "
         "for NEMEA 2;\n"
         "                          otherwise on libnemea-module, built with Meson or make, with a test\n"
         "  -p, --python            written in Python on pytrap, with a test\n"
         "  -d, --directory DIR     make it in DIR instead of NAME\n"
         "  -t, --description TEXT  what the module does, in a sentence\n"
         "  -a, --author NAME       for its README or source\n"
         "  -e, --email ADDRESS     the same\n"
         "      --inputs N          input interfaces of a classic module, 0 to 32 (default 1)\n"
         "      --outputs N         output interfaces of a classic module, 0 to 32 (default 1)\n"
         "  -h, --help              this text\n"
         "\n"
         "Exit status: 0 done; 2 invalid command line; 3 the templates cannot be read; 5 a file could "
         "not be written.\n"
         "\n"
         "Examples:\n"
         "  nemea new-module --description \"Finds large flows.\" large_flows\n"
         "  cd large_flows && meson setup build && meson test -C build\n",
         to);
}

/* --------------------------------------------------------------------- options */

static bool valid_name(const char *name)
{
   size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
   return n > 0 && n <= MAX_NAME && name[n] == 0 && !isdigit((unsigned char) name[0]);
}

static bool has_control(const char *text)
{
   while (*text != 0 && !iscntrl((unsigned char) *text)) {
      text++;
   }
   return *text != 0;
}

/* Text that is put into comments, C strings, m4 quotes and Markdown: it must not end any of them. */
static bool set_text(char *to, size_t size, const char *option, const char *text)
{
   if (strlen(text) >= size || strpbrk(text, "\"\\[]") != NULL || strstr(text, "*/") != NULL ||
       has_control(text)) {
      cli_error("option %s: \"%s\" is longer than %zu bytes or contains one of \" \\ [ ] or */ or a control "
                "character",
                option, text, size - 1);
      return false;
   }
   snprintf(to, size, "%s", text);
   return true;
}

static bool set_count(char *to, size_t size, const char *option, const char *text)
{
   char *end;
   long n = strtol(text, &end, 10);
   if (*text == 0 || *end != 0 || n < 0 || n > MAX_IFCS) {
      cli_error("option %s: \"%s\" is not a number from 0 to %d", option, text, MAX_IFCS);
      return false;
   }
   snprintf(to, size, "%ld", n);
   return true;
}

static bool set_option(struct new_module *m, int c)
{
   switch (c) {
   case 'c': m->classic = true; return true;
   case 'p': m->python = true; return true;
   case 'd': m->directory = optarg; return true;
   case 't': return set_text(m->description, sizeof(m->description), "--description", optarg);
   case 'a': return set_text(m->author, sizeof(m->author), "--author", optarg);
   case 'e': return set_text(m->email, sizeof(m->email), "--email", optarg);
   case 'I': return set_count(m->inputs, sizeof(m->inputs), "--inputs", optarg);
   default: return set_count(m->outputs, sizeof(m->outputs), "--outputs", optarg);
   }
}

/* \return -1 to go on, else the exit status */
static int parse(int argc, char **argv, struct new_module *m)
{
   static const struct option options[] = {{"classic", no_argument, NULL, 'c'},
                                           {"python", no_argument, NULL, 'p'},
                                           {"directory", required_argument, NULL, 'd'},
                                           {"description", required_argument, NULL, 't'},
                                           {"author", required_argument, NULL, 'a'},
                                           {"email", required_argument, NULL, 'e'},
                                           {"inputs", required_argument, NULL, 'I'},
                                           {"outputs", required_argument, NULL, 'O'},
                                           {"help", no_argument, NULL, 'h'},
                                           {NULL, 0, NULL, 0}};
   int c;
   opterr = 0;
   while ((c = getopt_long(argc, argv, ":cpd:t:a:e:h", options, NULL)) != -1) {
      if (c == 'h') {
         cli_new_module_help(stdout);
         return CLI_OK;
      }
      if (c == ':' || c == '?') {
         cli_error(c == ':' ? "option %s needs an argument (see nemea new-module --help)"
                            : "unknown option %s (see nemea new-module --help)",
                   argv[optind - 1]);
         return CLI_USAGE;
      }
      if (!set_option(m, c)) {
         return CLI_USAGE;
      }
   }
   if (optind + 1 != argc) {
      cli_error("expected one name of a module (see nemea new-module --help)");
      return CLI_USAGE;
   }
   m->name = argv[optind];
   if (!valid_name(m->name)) {
      cli_error(
          "\"%s\" is no name for a module: expected up to %d letters, digits and underscores, no digit first",
          m->name, MAX_NAME);
      return CLI_USAGE;
   }
   if (m->classic && m->python) {
      cli_error("--classic is a way to write modules in C: it cannot be combined with --python");
      return CLI_USAGE;
   }
   if (!m->classic && (strcmp(m->inputs, "1") != 0 || strcmp(m->outputs, "1") != 0)) {
      cli_error("--inputs and --outputs are for --classic modules; change .input and .output in the source "
                "of others");
      return CLI_USAGE;
   }
   m->directory = m->directory != NULL ? m->directory : m->name;
   return -1;
}

/* -------------------------------------------------------------------- templates */

/* Copies one line, replacing what is to be replaced. */
static void put_line(FILE *to, const struct new_module *m, const char *p)
{
   const struct {
      const char *mark, *text;
   } marks[] = {{"@NAME@", m->name},
                {EXAMPLE, m->name},
                {"@DESCRIPTION@", m->description},
                {"@AUTHOR@", m->author},
                {"@EMAIL@", m->email},
                {"@INPUTS@", m->inputs},
                {"@OUTPUTS@", m->outputs},
                {"traffic-analysis@cesnet.cz", m->email}};
   while (*p != 0) {
      size_t i = 0;
      while (i < sizeof(marks) / sizeof(marks[0]) && strncmp(p, marks[i].mark, strlen(marks[i].mark)) != 0) {
         i++;
      }
      if (i < sizeof(marks) / sizeof(marks[0])) {
         fputs(marks[i].text, to);
         p += strlen(marks[i].mark);
      } else {
         fputc(*p++, to);
      }
   }
}

/* The line without its conditions, NULL when it is not wanted. */
static const char *wanted(const struct new_module *m, const char *line)
{
   bool in = strcmp(m->inputs, "0") != 0, out = strcmp(m->outputs, "0") != 0;
   for (;;) {
      bool yes;
      if (strncmp(line, "@IN@", 4) == 0) {
         yes = in;
         line += 4;
      } else if (strncmp(line, "@OUT@", 5) == 0) {
         yes = out;
         line += 5;
      } else if (strncmp(line, "@NOIN@", 6) == 0) {
         yes = !in;
         line += 6;
      } else {
         return line;
      }
      if (!yes) {
         return NULL;
      }
   }
}

static int copy_file(const struct new_module *m, const char *from, const char *to)
{
   struct stat st;
   char *line = NULL;
   size_t size = 0;
   FILE *in = fopen(from, "re"), *out = in != NULL ? fopen(to, "wxe") : NULL;
   if (out == NULL) {
      cli_error("%s %s: %s", in == NULL ? "cannot read" : "cannot write", in == NULL ? from : to,
                strerror(errno));
      if (in != NULL) {
         fclose(in);
      }
      return in == NULL ? CLI_INPUT : CLI_OUTPUT;
   }
   errno = 0;
   while (getline(&line, &size, in) > 0) {
      const char *p = wanted(m, line);
      if (p != NULL) {
         put_line(out, m, p);
      }
   }
   free(line);
   bool executable = fstat(fileno(in), &st) == 0 && (st.st_mode & 0100) != 0;
   if (ferror(in)) {
      cli_error("cannot read %s: %s", from, strerror(errno));
      fclose(in);
      fclose(out);
      return CLI_INPUT;
   }
   fclose(in);
   bool failed = fflush(out) != 0 || ferror(out);
   if (fclose(out) != 0 || failed || (executable && chmod(to, 0755) != 0)) {
      cli_error("cannot write %s: %s", to, strerror(errno));
      return CLI_OUTPUT;
   }
   return CLI_OK;
}

/* "@NAME@.c.in" to "name.c" */
static void replace_name(const struct new_module *m, const char *file, char *to, size_t size)
{
   bool named = strncmp(file, "@NAME@", 6) == 0;
   int n = snprintf(to, size, "%s%s", named ? m->name : "", named ? file + 6 : file);
   if (n > 3 && (size_t) n < size && strcmp(to + n - 3, ".in") == 0) {
      to[n - 3] = 0;
   }
}

/* A folder of templates and those in it. */
static int copy_folder(const struct new_module *m, const char *from, const char *to)
{
   DIR *dir = opendir(from);
   int status = CLI_OK;
   if (dir == NULL) {
      cli_error("cannot read the templates in %s: %s", from, strerror(errno));
      return CLI_INPUT;
   }
   if (mkdir(to, 0777) != 0 && errno != EEXIST) {
      cli_error("cannot make directory %s: %s", to, strerror(errno));
      status = CLI_OUTPUT;
   }
   for (struct dirent *e; status == CLI_OK && (e = readdir(dir)) != NULL;) {
      char source[PATH_MAX], target[PATH_MAX], name[NAME_MAX + MAX_NAME + 1];
      struct stat st;
      if (e->d_name[0] == '.' || strcmp(e->d_name, EXAMPLE ".c") == 0 ||
          (m->classic && strcmp(e->d_name, "README.md") == 0)) { /* the example's own */
         continue;
      }
      replace_name(m, e->d_name, name, sizeof(name));
      if (snprintf(source, sizeof(source), "%s/%s", from, e->d_name) >= (int) sizeof(source) ||
          snprintf(target, sizeof(target), "%s/%s", to, name) >= (int) sizeof(target) ||
          stat(source, &st) != 0) {
         continue;
      }
      status = S_ISDIR(st.st_mode) ? copy_folder(m, source, target) : copy_file(m, source, target);
   }
   closedir(dir);
   return status;
}

/* The prefix that this program was installed under, or $NEMEA_PREFIX. */
static bool find_prefix(struct new_module *m)
{
   char probe[PATH_MAX + 64];
   const char *set = getenv("NEMEA_PREFIX");
   if (set != NULL) {
      snprintf(m->prefix, sizeof(m->prefix), "%s", set);
   } else {
      char self[PATH_MAX], up[PATH_MAX + sizeof(PREFIX_FROM_MODULES) + 1];
      ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
      self[n > 0 ? n : 0] = 0;
      char *slash = strrchr(self, '/');
      snprintf(up, sizeof(up), "%.*s/" PREFIX_FROM_MODULES, slash != NULL ? (int) (slash - self) : 0, self);
      if (realpath(up, m->prefix) == NULL) {
         snprintf(m->prefix, sizeof(m->prefix), "/");
      }
   }
   snprintf(probe, sizeof(probe), "%s/" TEMPLATES, m->prefix);
   if (access(probe, R_OK) != 0) {
      cli_error("cannot read the templates in %s: %s (is NEMEA installed there? $NEMEA_PREFIX names another "
                "prefix)",
                probe, strerror(errno));
      return false;
   }
   return true;
}

static int generate(const struct new_module *m)
{
   char from[PATH_MAX + 64];
   snprintf(from, sizeof(from), "%s/" TEMPLATES "/%s", m->prefix,
            m->classic  ? "classic"
            : m->python ? "python"
                        : "kit");
   int status = copy_folder(m, from, m->directory);
   if (status == CLI_OK && m->python) {
      char tests[PATH_MAX];
      snprintf(from, sizeof(from), "%s/" TEMPLATES "/kit/tests", m->prefix); /* it does the same */
      snprintf(tests, sizeof(tests), "%s/tests", m->directory);
      status = copy_folder(m, from, tests);
   }
   if (status == CLI_OK && m->classic) {
      snprintf(from, sizeof(from), "%s/" EXAMPLES, m->prefix);
      status = copy_folder(m, from, m->directory);
   }
   return status;
}

int cli_new_module(int argc, char **argv)
{
   static struct new_module m = {.description = "One sentence that says what it does.",
                                 .author = "Your Name",
                                 .email = "you@example.org",
                                 .inputs = "1",
                                 .outputs = "1"};
   int status = parse(argc, argv, &m);
   if (status >= 0) {
      return status;
   }
   if (access(m.directory, F_OK) == 0) {
      cli_error("%s exists already: choose another name or --directory", m.directory);
      return CLI_USAGE;
   }
   if (!find_prefix(&m)) {
      return CLI_INPUT;
   }
   status = generate(&m);
   if (status == CLI_OK) {
      printf("Module %s was made in %s. Next:\n  cd %s && %s%s%s\n", m.name, m.directory, m.directory,
             m.classic  ? "autoreconf -i && ./configure && make"
             : m.python ? "tests/run.sh ./"
                        : "meson setup build && meson test -C build",
             m.python ? m.name : "", m.python ? ".py" : "");
   }
   return status;
}
