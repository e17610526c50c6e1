/* SPDX-License-Identifier: BSD-3-Clause */
/** ipfixprobed: starts ipfixprobe as a configuration file says. */
#include "probe_yaml.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/etc/ipfixprobe"

static const char help[] =
    "usage: ipfixprobed [--print] NAME\n"
    "       ipfixprobed [--print] PATH\n"
    "Replaces itself by ipfixprobe with the options of the configuration " FOLDER
    "/NAME.conf, or of the file PATH, which contains a slash.\n"
    "\n"
    "  --print            print the command line of ipfixprobe instead of starting it\n"
    "  --help             this text\n"
    "  --version          print the version\n"
    "\n"
    "The configuration is YAML (* required, one of those joined by |):\n"
    "\n"
    "  input_plugin:*                one of pcap_file|pcap_live|raw\n"
    "    pcap_file: {file*, bpf_filter, capture_memory}    MiB\n"
    "    pcap_live: {interface*, bpf_filter, snap_length}\n"
    "    raw: {interface*, blocks_count, packets_in_block}\n"
    "  storage:\n"
    "    cache: {size_exponent, line_size_exponent}\n"
    "    timeouts: {active, inactive}                   seconds\n"
    "    split_biflow: true|false\n"
    "    fragmentation_cache: {enabled, size, timeout}\n"
    "  process_plugins: [basic, dns, ...]\n"
    "  output_plugin:*               one of ipfix|text|unirec\n"
    "    ipfix:\n"
    "      collector:* {host*, port}\n"
    "      mtu: bytes\n"
    "      exporter: {id, dir}\n"
    "      protocol: one of udp: {template_refresh} | tcp: {non_blocking, reconnect}\n"
    "      compression: {lz4: {enabled, buffer_size}}\n"
    "    text: {file}\n"
    "    unirec: {ifc*, plugins, eof, odid, id, dir}\n"
    "  general: {queues_size: {input, output}, cpu_list}\n"
    "  telemetry: {directory, appfs: {enabled: false, mount_point}}\n"
    "\n"
    "Each key becomes an option of ipfixprobe, whose help describes it. Example:\n"
    "\n"
    "  input_plugin:\n"
    "    raw:\n"
    "      interface: eth0\n"
    "  storage:\n"
    "    timeouts: {active: 300, inactive: 65}\n"
    "  process_plugins: [dns, tls]\n"
    "  output_plugin:\n"
    "    ipfix:\n"
    "      collector: {host: collector.example, port: 4739}\n"
    "\n"
    "Exit status: that of ipfixprobe, or 1 if the configuration is invalid; the error names the line.\n";

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   nc_text_vline(stderr, "Error: ", format, ap);
   va_end(ap);
   return EXIT_FAILURE;
}

/* The file of a configuration; a name must not lead out of the folder. \return false: invalid name */
static bool find_file(const char *name, char path[PATH_MAX])
{
   if (strchr(name, '/') != NULL) {
      return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
   }
   for (const char *p = name; *p != 0; p++) {
      if (!isalnum((unsigned char) *p) && strchr("._-@", *p) == NULL) {
         return false;
      }
   }
   return *name != 0 && *name != '.' && snprintf(path, PATH_MAX, FOLDER "/%s.conf", name) < PATH_MAX;
}

/* \return the text, or NULL with errno; EFBIG: it is too long */
static char *read_file(const char *path, size_t *size)
{
   FILE *f = fopen(path, "re");
   char *text = f != NULL ? malloc(PROBE_YAML_SIZE + 1) : NULL;
   if (text != NULL) {
      *size = fread(text, 1, PROBE_YAML_SIZE + 1, f);
      if (ferror(f) || *size > PROBE_YAML_SIZE) {
         errno = ferror(f) ? errno : EFBIG;
         free(text);
         text = NULL;
      }
   }
   int error = errno;
   if (f != NULL) {
      fclose(f);
   }
   errno = error;
   return text;
}

/* Prints a word, quoted for the shell if needed. */
static void print_word(const char *word)
{
   bool plain = *word != 0;
   for (const char *p = word; *p != 0; p++) {
      plain = plain && (isalnum((unsigned char) *p) || strchr("%+,-./:=@_", *p) != NULL);
   }
   if (plain) {
      fputs(word, stdout);
      return;
   }
   putchar('\'');
   for (const char *p = word; *p != 0; p++) {
      if (*p == '\'') {
         fputs("'\\''", stdout);
      } else {
         putchar(*p);
      }
   }
   putchar('\'');
}

static int print_line(const struct probe_words *words)
{
   fputs("ipfixprobe", stdout);
   for (unsigned i = 0; i < words->n; i++) {
      putchar(' ');
      print_word(words->words[i]);
   }
   putchar('\n');
   return nc_flush_stdout("ipfixprobed") ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The program beside this one, which is flow_meter under the name that tells it which command line it gets, or that of PATH. */
static int start(const struct probe_words *words)
{
   static const char program[] = "flow_meter";
   char name[] = "ipfixprobe", path[PATH_MAX], *line[PROBE_YAML_WORDS + 2] = {name};
   memcpy(line + 1, words->words, words->n * sizeof(line[0]));
   ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(program));
   char *slash = n > 0 ? memrchr(path, '/', (size_t) n) : NULL;
   if (slash != NULL) {
      memcpy(slash + 1, program, sizeof(program));
      execv(path, line);
   }
   execvp(name, line);
   return fail("cannot start %s: %s", name, strerror(errno));
}

int main(int argc, char **argv)
{
   bool print = argc > 1 && strcmp(argv[1], "--print") == 0;
   const char *name = argc == 2 + print ? argv[1 + print] : NULL;
   char path[PATH_MAX], error[PROBE_YAML_ERROR];
   struct probe_words words = {0};
   size_t size = 0;
   if (name != NULL && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)) {
      fputs(help, stdout);
      return nc_flush_stdout("ipfixprobed") ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   if (name != NULL && strcmp(name, "--version") == 0) {
      puts(NEMEA_VERSION);
      return nc_flush_stdout("ipfixprobed") ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   if (name == NULL || *name == '-') {
      return fail("%s (expected ipfixprobed [--print] NAME)", name == NULL ? "NAME is missing" : name);
   }
   if (!find_file(name, path)) {
      return fail("\"%s\" is not a configuration name (expected letters, digits, - _ . @, or a path "
                  "with a slash)",
                  name);
   }
   char *text = read_file(path, &size);
   if (text == NULL) {
      return fail("cannot read %s: %s", path, strerror(errno));
   }
   bool good = probe_yaml_read(path, text, size, &words, error);
   free(text);
   int status = !good ? fail("%s", error) : print ? print_line(&words) : start(&words);
   probe_words_free(&words);
   return status;
}
