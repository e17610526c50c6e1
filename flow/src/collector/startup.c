/* SPDX-License-Identifier: BSD-3-Clause */
#include "startup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <nemea-common/nc_text.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS      256
#define MAX_ADDRESSES  32
#define MAX_TEXT       8192 /* bytes of a value */
#define MAX_ERRORS     20
#define INTERFACE_SIZE 20000

struct reader {
   const char *file;
   struct fc_startup *s;
   FILE *errors, *notes;
   unsigned n_errors, n_outputs;
   char interfaces[INTERFACE_SIZE];
   char *secure[3]; /* certificate, key and CA of all inputs with <tls>; NULL: none was read */
   bool no_memory;
};

/* -------------------------------------------------------------------- messages */

__attribute__((format(printf, 3, 4))) static bool fail(struct reader *r, const xmlNode *node,
                                                       const char *format, ...)
{
   if (++r->n_errors <= MAX_ERRORS) {
      char before[300];
      snprintf(before, sizeof(before), "%.200s:%ld: ", r->file, node != NULL ? xmlGetLineNo(node) : 1L);
      va_list ap;
      va_start(ap, format);
      nc_text_vline(r->errors, before, format, ap);
      va_end(ap);
   }
   return false;
}

__attribute__((format(printf, 3, 4))) static void note(struct reader *r, const xmlNode *node,
                                                       const char *format, ...)
{
   char before[300];
   snprintf(before, sizeof(before), "%.200s:%ld: ", r->file, xmlGetLineNo(node));
   va_list ap;
   va_start(ap, format);
   nc_text_vline(r->notes, before, format, ap);
   va_end(ap);
}

static void add_word(struct reader *r, const char *text)
{
   struct fc_startup *s = r->s;
   if (s->n + 1 == MAX_WORDS) {
      fail(r, NULL, "more than %d inputs and outputs", (MAX_WORDS - 3) / 2);
      return;
   }
   s->words[s->n] = strdup(text);
   r->no_memory = r->no_memory || s->words[s->n] == NULL;
   s->n += s->words[s->n] != NULL;
}

static void add_option(struct reader *r, const char *option, const char *value)
{
   if (r->s->n + 2 < MAX_WORDS) {
      add_word(r, option);
      add_word(r, value);
   } else {
      fail(r, NULL, "more than %d inputs and outputs", (MAX_WORDS - 3) / 2);
   }
}

/* ----------------------------------------------------------------------- nodes */

static bool is(const xmlNode *node, const char *name)
{
   return strcmp((const char *) node->name, name) == 0;
}

static xmlNode *first_element(const xmlNode *parent)
{
   xmlNode *n = parent->children;
   while (n != NULL && n->type != XML_ELEMENT_NODE) {
      n = n->next;
   }
   return n;
}

static xmlNode *next_element(const xmlNode *node)
{
   xmlNode *n = node->next;
   while (n != NULL && n->type != XML_ELEMENT_NODE) {
      n = n->next;
   }
   return n;
}

/* The element of this name in a parent. \return NULL: there is none */
static xmlNode *child(const xmlNode *parent, const char *name)
{
   xmlNode *n = parent != NULL ? first_element(parent) : NULL;
   while (n != NULL && !is(n, name)) {
      n = next_element(n);
   }
   return n;
}

/* The text of an element without the space around it, in room. \return false: something else is in it, which has been told */
static bool text_of(struct reader *r, const xmlNode *node, char room[MAX_TEXT])
{
   size_t used = 0;
   for (const xmlNode *n = node->children; n != NULL; n = n->next) {
      if (n->type == XML_COMMENT_NODE || n->type == XML_PI_NODE) {
         continue;
      }
      if (n->type != XML_TEXT_NODE && n->type != XML_CDATA_SECTION_NODE) {
         return fail(r, node, "<%.60s> has other contents than text", (const char *) node->name);
      }
      size_t length = strlen((const char *) n->content);
      if (length >= MAX_TEXT - used) {
         return fail(r, node, "<%.60s> is longer than %d bytes", (const char *) node->name, MAX_TEXT - 1);
      }
      memcpy(room + used, n->content, length);
      used += length;
   }
   static const char space[] = " \t\r\n";
   while (used > 0 && strchr(space, room[used - 1]) != NULL) {
      used--;
   }
   room[used] = 0;
   size_t skip = strspn(room, space);
   memmove(room, room + skip, used - skip + 1);
   return true;
}

static bool number_of(struct reader *r, const xmlNode *node, unsigned long long least,
                      unsigned long long most, unsigned long long *value)
{
   char text[MAX_TEXT], *end;
   if (!text_of(r, node, text)) {
      return false;
   }
   errno = 0;
   *value = strtoull(text, &end, 10);
   if (text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0 || *value < least || *value > most) {
      return fail(r, node, "<%.60s> is \"%.60s\", expected a number from %llu to %llu",
                  (const char *) node->name, text, least, most);
   }
   return true;
}

static bool flag_of(struct reader *r, const xmlNode *node, bool *value)
{
   char text[MAX_TEXT];
   if (!text_of(r, node, text)) {
      return false;
   }
   *value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
   if (!*value && strcmp(text, "false") != 0 && strcmp(text, "0") != 0) {
      return fail(r, node, "<%.60s> is \"%.60s\", expected true or false", (const char *) node->name, text);
   }
   return true;
}

/* A word for an interface's specification, whose separators it must not contain. */
static bool name_of(struct reader *r, const xmlNode *node, char room[MAX_TEXT])
{
   if (!text_of(r, node, room)) {
      return false;
   }
   if (room[0] == 0 || strpbrk(room, ":,") != NULL) {
      return fail(r, node, "<%.60s> is \"%.60s\", expected a name without colon and comma",
                  (const char *) node->name, room);
   }
   return true;
}

static bool unknown(struct reader *r, const xmlNode *node)
{
   return fail(r, node, "unknown element <%.60s> in <%.60s>", (const char *) node->name,
               (const char *) node->parent->name);
}

/* ---------------------------------------------------------------------- inputs */

/* The collector has one certificate: inputs must agree. */
static void set_secure(struct reader *r, const xmlNode *tls, char *const values[3])
{
   static const char *const options[3] = {"--tls-certificate", "--tls-key", "--tls-ca"};
   bool first = r->secure[0] == NULL;
   for (unsigned i = 0; i < 3 && values[i][0] != 0; i++) {
      if (first && (r->secure[i] = strdup(values[i])) != NULL) {
         add_option(r, options[i], values[i]);
      }
      if (r->secure[i] == NULL || strcmp(r->secure[i], values[i]) != 0) {
         r->no_memory = r->no_memory || r->secure[i] == NULL;
         fail(r, tls,
              "<tls> has other files than that of an input before: this collector has one certificate");
         return;
      }
   }
}

/* TLS of input tcp. Exporters without a certificate that can be verified are never accepted. */
static void read_tls(struct reader *r, const xmlNode *tls)
{
   char room[3][MAX_TEXT] = {"", "", ""}; /* certificate, key, CA */
   bool verify = false, insecure = false, ok = true;
   for (xmlNode *p = first_element(tls); p != NULL; p = next_element(p)) {
      int which = is(p, "certificateFile")            ? 0
                  : is(p, "privateKeyFile")           ? 1
                  : is(p, "caFile") || is(p, "caDir") ? 2
                                                      : -1;
      if (which == 2 && room[2][0] != 0) {
         ok = fail(r, p, "<caFile> and <caDir> together, expected one of them");
      } else if (which >= 0) {
         ok = text_of(r, p, room[which]) && ok;
      } else if (is(p, "verifyPeer")) {
         ok = flag_of(r, p, &verify) && ok;
      } else if (is(p, "allowInsecure")) {
         ok = flag_of(r, p, &insecure) && ok;
         if (insecure) {
            note(r, p, "<allowInsecure> has no effect: connections without TLS are refused");
         }
      } else if (is(p, "caStore")) {
         ok = fail(r, p, "<caStore> cannot be used here, expected <caFile> or <caDir>");
      } else {
         ok = unknown(r, p);
      }
   }
   if (ok && (room[0][0] == 0 || room[2][0] == 0)) {
      ok =
          fail(r, tls,
               room[0][0] == 0
                   ? "<tls> without <certificateFile>"
                   : "<tls> without <caFile> or <caDir>, which the certificates of exporters must come from");
   }
   if (ok && !verify) {
      note(r, tls,
           "<tls> without <verifyPeer>true</verifyPeer>: exporters need a certificate of <caFile> all the "
           "same");
   }
   if (ok) {
      if (room[1][0] == 0) {
         memcpy(room[1], room[0], MAX_TEXT); /* the file of the certificate has it */
      }
      set_secure(r, tls, (char *[3]){room[0], room[1], room[2]});
   }
}

/* udp and tcp. */
static void read_socket(struct reader *r, const xmlNode *params, const char *option)
{
   char addresses[MAX_ADDRESSES][INET6_ADDRSTRLEN + 16], text[MAX_TEXT];
   unsigned n = 0;
   unsigned long long port = 4739;
   for (xmlNode *p = params != NULL ? first_element(params) : NULL; p != NULL; p = next_element(p)) {
      if (is(p, "localPort")) {
         (void) number_of(r, p, 1, 65535, &port);
      } else if (is(p, "localIPAddress")) {
         uint8_t raw[16];
         if (!text_of(r, p, text) || text[0] == 0) {
            continue;
         }
         bool v6 = inet_pton(AF_INET6, text, raw) == 1;
         if (!v6 && inet_pton(AF_INET, text, raw) != 1) {
            fail(r, p, "<localIPAddress> is \"%.60s\", expected an address of IPv4 or IPv6", text);
         } else if (n == MAX_ADDRESSES) {
            fail(r, p, "more than %d addresses", MAX_ADDRESSES);
         } else {
            snprintf(addresses[n++], sizeof(addresses[0]), v6 ? "[%.45s]:" : "%.45s:", text);
         }
      } else if (is(p, "tls")) {
         if (option[1] == 'u') {
            (void) unknown(r, p);
         } else {
            read_tls(r, p);
            option = "--tls";
         }
      } else if (is(p, "connectionTimeout") || is(p, "templateLifeTime") ||
                 is(p, "optionsTemplateLifeTime")) {
         note(r, p,
              "<%.60s> has no effect: exporters and templates are kept until their room is needed "
              "(--max-exporters, --max-templates)",
              (const char *) p->name);
      } else {
         (void) unknown(r, p);
      }
   }
   for (unsigned i = 0; i < n || i == 0; i++) {
      snprintf(text, sizeof(text), "%s%llu", n > 0 ? addresses[i] : "", port);
      add_option(r, option, text);
   }
}

static void read_files(struct reader *r, const xmlNode *node, const xmlNode *params)
{
   char path[MAX_TEXT];
   const xmlNode *p = child(params, "path");
   if (p == NULL) {
      fail(r, node, "input ipfix without <path>");
   } else if (text_of(r, p, path)) {
      if (path[0] == 0 || strpbrk(path, "*?{~") != NULL) {
         fail(r, p, "<path> is \"%.200s\", expected the path of one file, without *, ?, { and ~", path);
         return;
      }
      add_option(r, "-r", path);
   }
}

static void read_input(struct reader *r, const xmlNode *node)
{
   char plugin[MAX_TEXT];
   const xmlNode *p = child(node, "plugin"), *params = child(node, "params");
   if (p == NULL) {
      fail(r, node, "input without <plugin>");
   } else if (!text_of(r, p, plugin)) {
      return;
   } else if (strcmp(plugin, "udp") == 0 || strcmp(plugin, "tcp") == 0) {
      read_socket(r, params, plugin[0] == 'u' ? "-u" : "-t");
   } else if (strcmp(plugin, "ipfix") == 0) {
      read_files(r, node, params);
   } else {
      fail(r, p, "input \"%.60s\" cannot be read here, expected udp, tcp or ipfix%s", plugin,
           strcmp(plugin, "fds") == 0 ? " (ipfixcol2 converts files of FDS to IPFIX: input fds, output ipfix)"
                                      : "");
   }
}

/* --------------------------------------------------------------------- outputs */

/* What all interfaces have in common, as parameters of a specification. */
static void read_common(struct reader *r, const xmlNode *common, char *out, size_t size)
{
   char text[MAX_TEXT], timeout[24] = "HALF_WAIT";
   bool buffer = true;
   unsigned long long autoflush = 500000, number;
   for (xmlNode *p = common != NULL ? first_element(common) : NULL; p != NULL; p = next_element(p)) {
      if (is(p, "buffer")) {
         (void) flag_of(r, p, &buffer);
      } else if (is(p, "autoflush")) {
         (void) number_of(r, p, 0, INT32_MAX, &autoflush);
      } else if (!is(p, "timeout")) {
         (void) unknown(r, p);
      } else if (text_of(r, p, text)) {
         if (strcmp(text, "WAIT") == 0 || strcmp(text, "NO_WAIT") == 0 || strcmp(text, "HALF_WAIT") == 0 ||
             number_of(r, p, 0, INT32_MAX, &number)) {
            snprintf(timeout, sizeof(timeout), "%.20s", text);
         }
      }
   }
   int used = snprintf(out, size, ":timeout=%s:buffer=%s", timeout, buffer ? "on" : "off");
   if (autoflush == 0) {
      snprintf(out + used, size - (size_t) used, ":autoflush=off");
   } else {
      snprintf(out + used, size - (size_t) used, ":autoflush=%llu", autoflush);
   }
}

struct interface {
   char name[MAX_TEXT], key[MAX_TEXT], certificate[MAX_TEXT], ca[MAX_TEXT];
   unsigned long long port, clients, minutes, size;
   bool append;
};

static bool read_mode(struct reader *r, const xmlNode *node, bool *append)
{
   char text[MAX_TEXT];
   if (!text_of(r, node, text)) {
      return false;
   }
   *append = strcmp(text, "append") == 0;
   return *append || strcmp(text, "write") == 0 ||
          fail(r, node, "<mode> is \"%.60s\", expected write or append", text);
}

/* The parameters that an interface of this kind has. */
static bool read_parameter(struct reader *r, const xmlNode *p, struct interface *i)
{
   const xmlNode *kind = p->parent;
   bool file = is(kind, "file"), tls = is(kind, "tcp-tls"), tcp = tls || is(kind, "tcp");
   if (is(p, "name") && !tcp) {
      return name_of(r, p, i->name);
   }
   if (is(p, "port") && tcp) {
      return number_of(r, p, 1, 65535, &i->port);
   }
   if (is(p, "maxClients") && !file) {
      return number_of(r, p, 1, 64, &i->clients);
   }
   if (is(p, "keyFile") && tls) {
      return name_of(r, p, i->key);
   }
   if (is(p, "certFile") && tls) {
      return name_of(r, p, i->certificate);
   }
   if (is(p, "caFile") && tls) {
      return name_of(r, p, i->ca);
   }
   if (is(p, "mode") && file) {
      return read_mode(r, p, &i->append);
   }
   if (is(p, "time") && file) {
      return number_of(r, p, 0, UINT32_MAX, &i->minutes);
   }
   if (is(p, "size") && file) {
      return number_of(r, p, 0, UINT32_MAX, &i->size);
   }
   return unknown(r, p);
}

/* One of unix, tcp, tcp-tls, file as the specification of an interface. */
static bool read_interface(struct reader *r, const xmlNode *kind, const char *common, char *out, size_t size)
{
   struct interface i = {.clients = 64};
   bool file = is(kind, "file"), unix_socket = is(kind, "unix"), tls = is(kind, "tcp-tls"), ok = true;
   if (!file && !unix_socket && !tls && !is(kind, "tcp")) {
      return fail(r, kind, "interface \"%.60s\", expected unix, tcp, tcp-tls or file",
                  (const char *) kind->name);
   }
   for (xmlNode *p = first_element(kind); p != NULL; p = next_element(p)) {
      ok = read_parameter(r, p, &i) && ok;
   }
   if (ok && (file || unix_socket ? i.name[0] == 0 : i.port == 0)) {
      return fail(r, kind, "interface %s without <%s>", (const char *) kind->name,
                  file || unix_socket ? "name" : "port");
   }
   if (ok && tls && (i.key[0] == 0 || i.certificate[0] == 0 || i.ca[0] == 0)) {
      return fail(r, kind, "interface tcp-tls without <%s>",
                  i.key[0] == 0           ? "keyFile"
                  : i.certificate[0] == 0 ? "certFile"
                                          : "caFile");
   }
   int used = 0;
   if (file) {
      used = snprintf(out, size, "f:%s:%c", i.name, i.append ? 'a' : 'w');
      if (i.minutes > 0 && used < (int) size) {
         used += snprintf(out + used, size - (size_t) used, ":time=%llu", i.minutes);
      }
      if (i.size > 0 && used < (int) size) {
         used += snprintf(out + used, size - (size_t) used, ":size=%llu", i.size);
      }
   } else if (unix_socket) {
      used = snprintf(out, size, "u:%s:max_clients=%llu%s", i.name, i.clients, common);
   } else if (tls) {
      used = snprintf(out, size, "T:%llu:%s:%s:%s:max_clients=%llu%s", i.port, i.key, i.certificate, i.ca,
                      i.clients, common);
   } else {
      used = snprintf(out, size, "t:%llu:max_clients=%llu%s", i.port, i.clients, common);
   }
   return ok && (used < (int) size || fail(r, kind, "the specification of the interface is too long"));
}

static void read_unirec(struct reader *r, const xmlNode *node, const xmlNode *params)
{
   char format[MAX_TEXT] = "", common[128];
   const xmlNode *f = child(params, "uniRecFormat"), *spec = child(params, "trapIfcSpec");
   const xmlNode *kind = spec != NULL ? first_element(spec) : NULL;
   for (xmlNode *p = params != NULL ? first_element(params) : NULL; p != NULL; p = next_element(p)) {
      bool split = true;
      if (is(p, "splitBiflow")) {
         if (flag_of(r, p, &split) && split) {
            note(r, p,
                 "<splitBiflow> has no effect: a biflow is one record; its other direction is in fields like "
                 "BYTES_REV");
         }
      } else if (!is(p, "uniRecFormat") && !is(p, "trapIfcSpec") && !is(p, "trapIfcCommon")) {
         (void) unknown(r, p);
      }
   }
   if (f == NULL || !text_of(r, f, format) || format[0] == 0) {
      fail(r, f != NULL ? f : node, "output unirec without fields in <uniRecFormat>");
      return;
   }
   if (kind == NULL || next_element(kind) != NULL) {
      fail(r, spec != NULL ? spec : node,
           "output unirec has %s interface in <trapIfcSpec>, expected one of unix, tcp, tcp-tls, file",
           kind == NULL ? "no" : "more than one");
      return;
   }
   read_common(r, child(params, "trapIfcCommon"), common, sizeof(common));
   size_t used = strlen(r->interfaces);
   if (used + 2 >= sizeof(r->interfaces)) {
      fail(r, kind, "the interfaces' specifications are too long");
      return;
   }
   if (used > 0) {
      r->interfaces[used++] = ',';
   }
   if (read_interface(r, kind, common, r->interfaces + used, sizeof(r->interfaces) - used)) {
      add_option(r, "-f", format);
      r->n_outputs++;
   }
}

static void read_output(struct reader *r, const xmlNode *node)
{
   char plugin[MAX_TEXT];
   const xmlNode *p = child(node, "plugin");
   for (const xmlNode *n = first_element(node); n != NULL; n = next_element(n)) {
      if (is(n, "odidExcept") || is(n, "odidOnly") || is(n, "verbosity")) {
         note(r, n, "<%.60s> has no effect%s", (const char *) n->name,
              is(n, "verbosity") ? "" : ": the output gets the flows of all observation domains");
      } else if (!is(n, "name") && !is(n, "plugin") && !is(n, "params")) {
         (void) unknown(r, n);
      }
   }
   if (p == NULL) {
      fail(r, node, "output without <plugin>");
   } else if (!text_of(r, p, plugin)) {
      return;
   } else if (strcmp(plugin, "unirec") == 0) {
      read_unirec(r, node, child(node, "params"));
   } else {
      note(r, p, "output \"%.60s\" is left out: this collector has outputs unirec only", plugin);
   }
}

/* ------------------------------------------------------------------------ file */

static void read_list(struct reader *r, const xmlNode *list, const char *name,
                      void (*read_one)(struct reader *, const xmlNode *))
{
   for (const xmlNode *n = first_element(list); n != NULL; n = next_element(n)) {
      if (is(n, name)) {
         read_one(r, n);
      } else {
         (void) unknown(r, n);
      }
   }
}

static void leave_out(struct reader *r, const xmlNode *node)
{
   char plugin[MAX_TEXT] = "";
   const xmlNode *p = child(node, "plugin");
   if (p == NULL || text_of(r, p, plugin)) {
      note(r, node, "intermediate plugin \"%.60s\" is left out: flows come as their exporters send them",
           plugin);
   }
}

static bool read_root(struct reader *r, const xmlDoc *doc)
{
   const xmlNode *root = xmlDocGetRootElement(doc);
   if (doc->intSubset != NULL) {
      return fail(r, root, "the file has a document type (<!DOCTYPE>), which is not read");
   }
   if (root == NULL || !is(root, "ipfixcol2")) {
      return fail(r, root, "the root is <%.60s>, expected <ipfixcol2>",
                  root != NULL ? (const char *) root->name : "");
   }
   for (const xmlNode *n = first_element(root); n != NULL; n = next_element(n)) {
      if (is(n, "inputPlugins")) {
         read_list(r, n, "input", read_input);
      } else if (is(n, "intermediatePlugins")) {
         read_list(r, n, "intermediate", leave_out);
      } else if (is(n, "outputPlugins")) {
         read_list(r, n, "output", read_output);
      } else {
         (void) unknown(r, n);
      }
   }
   if (r->n_errors == 0 && r->n_outputs == 0) {
      return fail(r, root, "no output unirec in <outputPlugins>");
   }
   unsigned of_secure = (r->secure[0] != NULL) + (r->secure[1] != NULL) + (r->secure[2] != NULL);
   if (r->n_errors == 0 && r->s->n == 2 * (r->n_outputs + of_secure)) {
      return fail(r, root, "no input in <inputPlugins>");
   }
   add_option(r, "-i", r->interfaces);
   return r->n_errors == 0 && !r->no_memory;
}

static bool read_text(struct reader *r, const char *text, size_t size)
{
   xmlParserCtxt *parser = xmlNewParserCtxt();
   if (parser == NULL) {
      r->no_memory = true;
      return false;
   }
   /* No network, no external files, and entities stay what they are: text_of() refuses them. */
   xmlDoc *doc =
       xmlCtxtReadMemory(parser, text, (int) size, NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
   bool ok = false;
   if (doc != NULL) {
      ok = read_root(r, doc);
   } else {
      const xmlError *e = xmlCtxtGetLastError(parser);
      const char *message = e != NULL && e->message != NULL ? e->message : "no document";
      r->n_errors++;
      nc_text_line(r->errors, "", "%.200s:%d: no well-formed XML: %.*s", r->file,
                   e != NULL && e->line > 0 ? e->line : 1, (int) strcspn(message, "\n"), message);
   }
   xmlFreeDoc(doc);
   xmlFreeParserCtxt(parser);
   return ok;
}

struct fc_startup *fc_startup_parse(const char *file, const char *text, size_t size, char **errors)
{
   size_t length, notes_length;
   *errors = NULL;
   struct reader *r = calloc(1, sizeof(*r));
   struct fc_startup *s = calloc(1, sizeof(*s));
   if (r == NULL || s == NULL || (s->words = calloc(MAX_WORDS, sizeof(char *))) == NULL) {
      free(r);
      fc_startup_free(s);
      return NULL;
   }
   r->file = file;
   r->s = s;
   r->errors = open_memstream(errors, &length);
   r->notes = open_memstream(&s->notes, &notes_length);
   bool ok = r->errors != NULL && r->notes != NULL;
   if (ok && size > FC_STARTUP_SIZE) {
      ok = fail(r, NULL, "the file has more than %d bytes", FC_STARTUP_SIZE);
   }
   ok = ok && read_text(r, text, size);
   if (r->n_errors > MAX_ERRORS) {
      nc_text_line(r->errors, "", "%.200s: and %u more errors", file, r->n_errors - MAX_ERRORS);
   }
   if (r->errors != NULL) {
      (void) fclose(r->errors);
   }
   if (r->notes != NULL) {
      (void) fclose(r->notes);
   }
   if (ok || r->n_errors == 0) {
      free(*errors);
      *errors = NULL;
   }
   for (unsigned i = 0; i < 3; i++) {
      free(r->secure[i]);
   }
   free(r);
   if (!ok) {
      fc_startup_free(s);
      return NULL;
   }
   return s;
}

struct fc_startup *fc_startup_load(const char *path, char **errors)
{
   struct fc_startup *s = NULL;
   FILE *f = fopen(path, "re");
   char *text = f != NULL ? malloc(FC_STARTUP_SIZE + 1) : NULL;
   size_t size = text != NULL ? fread(text, 1, FC_STARTUP_SIZE + 1, f) : 0;
   *errors = NULL;
   if (f == NULL || (text != NULL && ferror(f))) {
      if (asprintf(errors, "start-up file \"%.200s\": cannot read it: %s\n", path, strerror(errno)) < 0) {
         *errors = NULL;
      }
   } else if (text != NULL) {
      s = fc_startup_parse(path, text, size, errors);
   }
   free(text);
   if (f != NULL) {
      (void) fclose(f);
   }
   return s;
}

void fc_startup_free(struct fc_startup *s)
{
   if (s != NULL) {
      for (unsigned i = 0; i < s->n; i++) {
         free(s->words[i]);
      }
      free(s->words);
      free(s->notes);
      free(s);
   }
}
