/* SPDX-License-Identifier: BSD-3-Clause */
/** Help of a module as text and JSON, the manual of IFC_SPEC, and module info made by calls. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int help_section;

extern char trap_help_spec;
TRAP_PUBLIC char trap_help_spec; /* the section, under the name that programs of NEMEA 2 know */

TRAP_PUBLIC const char trap_help_ifcspec[] =
    "The interfaces of a module are given by -i IFC_SPEC:\n"
    "\n"
    "   <IFC 1>,<IFC 2>,...,<IFC N>       inputs first, then outputs\n"
    "   <IFC> is a type letter and parameters separated by ':'\n"
    "\n"
    "  t  TCP socket          input:  t:[HOST:]PORT[:keepalive=...]   (HOST: localhost)\n"
    "                         output: t:PORT[:PARAMETERS]\n"
#ifdef HAVE_TLS
    "  T  TLS over TCP        input:  T:[HOST:]PORT:KEYFILE:CERTFILE:CAFILE[:hostname=NAME|on]\n"
    "                         output: T:PORT:KEYFILE:CERTFILE:CAFILE[:PARAMETERS]\n"
    "                         PEM files; both sides must have certificates that the other's CA file "
    "verifies.\n"
    "                         hostname=: the sender's certificate must have this name (on: that of HOST)\n"
#endif
    "  u  UNIX socket         input:  u:NAME                 output: u:NAME[:PARAMETERS]\n"
    "                         Modules on one machine share memory; there is nothing to configure.\n"
    "  f  file                input:  f:PATH                 (~, $NAME and * are expanded)\n"
    "                         output: f:PATH[:a|:w][:time=MINUTES][:size=MB][:compress=zstd]\n"
    "  b  black hole          output: b:                     (discards everything)\n"
    "  g  generator           input:  g:N:STRING             (repeats STRING of N bytes)\n"
    "\n"
    "A backslash quotes , : \\ $ ~ * ? [ ] in names and paths: f:/data/a\\,b.trapcap, t:\\:\\:1:7600\n"
    "\n"
    "Parameter of u inputs:\n"
    "  resume=WORD     name of this reader: after a restart it gets what it has not acknowledged\n"
    "\n"
    "Parameters of t and T inputs:\n"
    "  keepalive=IDLE/INTERVAL/COUNT|off   test a silent connection after IDLE seconds, COUNT times every\n"
    "                  INTERVAL seconds, then connect again (30/10/3)\n"
    "\n"
    "Parameters of t, T and u outputs, in any order:\n"
    "  max_clients=N   maximum number of clients (64)\n"
    "  min_clients=N   hold the first message until N clients are connected (0: only WAIT does)\n"
    "  buffer_size=B   bytes of a buffer, header included (100000)\n"
    "  buffer_count=N  buffers kept for slow clients (50)\n"
    "  maxstall=MS     stop waiting for a client that has read nothing for MS; it loses messages (0: never)\n"
    "  max_per_address=N   maximum number of clients from one address (t, T; 48 if max_clients is not set)\n"
    "  ack_timeout=MS  disconnect a client whose host acknowledges nothing for this long (t, T; 60000)\n"
    "  bind=ADDRESS    address to listen on: a name or an IPv4 address (t, T; all addresses)\n"
    "  mode=OCTAL      access mode of the UNIX socket (0660)\n"
    "  group=NAME      group of the UNIX socket\n"
    "\n"
    "Parameters of every interface:\n"
    "  timeout=WAIT|NO_WAIT|HALF_WAIT|MICROSECONDS   how long to wait for data or clients (WAIT)\n"
    "                         HALF_WAIT (outputs): wait for slow clients, but not for the first one\n"
    "Parameters of every output:\n"
    "  buffer=on|off          collect messages in buffers (on)\n"
    "  autoflush=off|MICROSECONDS   send a partly filled buffer after this time (2000000)\n"
    "\n"
    "Examples:\n"
    "  -i u:flows,u:alerts               read from socket 'flows', serve 'alerts'\n"
    "  -i t:collector.example.org:7600,f:/data/flows.trapcap:time=5\n"
    "  -i u:flows:timeout=1000000,b:\n";

TRAP_PUBLIC void trap_set_help_section(int level)
{
   help_section = level;
   trap_help_spec = (char) level;
}

TRAP_PUBLIC void trap_print_ifc_spec_help(void)
{
   fputs(trap_help_ifcspec, stdout);
}

static int text_width(void)
{
   struct winsize ws;
   if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 40) {
      return ws.ws_col - 1;
   }
   return 85;
}

/* Words of text from column indent on, wrapped before width. The cursor is at column at. */
static void print_wrapped(FILE *f, const char *text, int indent, int width, int at)
{
   fprintf(f, "%*s", at < indent ? indent - at : 0, "");
   int column = at < indent ? indent : at;
   bool first = true;
   while (*text != 0) {
      int n = (int) strcspn(text, " \n");
      if (!first && column + 1 + n > width) {
         fprintf(f, "\n%*s", indent, "");
         column = indent;
         first = true;
      }
      if (n > 0) {
         column += fprintf(f, "%s%.*s", first ? "" : " ", n, text);
         first = false;
      }
      text += n;
      if (*text == '\n') {
         fprintf(f, "\n%*s", indent, "");
         column = indent;
         first = true;
      }
      text += *text != 0;
   }
   fputc('\n', f);
}

static void heading(FILE *f, const char *text)
{
   fprintf(f, "%s\n", text);
   for (size_t i = 0; i < strlen(text); i++) {
      fputc('-', f);
   }
   fputc('\n', f);
}

static const char *str(const char *s)
{
   return s != NULL ? s : "";
}

static bool has_short(const trap_module_info_parameter_t *p)
{
   return p->short_opt > ' ' && p->short_opt != '-' && p->short_opt < 127;
}

static void print_params(FILE *f, const trap_module_info_t *m, int width)
{
   int column = 25;
   for (size_t i = 0; m->params != NULL && m->params[i] != NULL; i++) {
      int n = (int) (strlen(str(m->params[i]->long_opt)) + strlen(str(m->params[i]->argument_type))) + 14;
      column = n > column ? n : column;
   }
   for (size_t i = 0; m->params != NULL && m->params[i] != NULL; i++) {
      const trap_module_info_parameter_t *p = m->params[i];
      char option[256], argument[128] = "";
      if (p->short_opt == '-') {
         continue;
      }
      if (p->param_required_argument == 1) {
         snprintf(argument, sizeof(argument), " <%s>", str(p->argument_type));
      } else if (*str(p->argument_type) != 0 && strcmp(p->argument_type, "none") != 0) {
         snprintf(argument, sizeof(argument), " [%s]", p->argument_type);
      }
      if (has_short(p)) {
         snprintf(option, sizeof(option), "  -%c  --%s%s", p->short_opt, str(p->long_opt), argument);
      } else {
         snprintf(option, sizeof(option), "       --%s%s", str(p->long_opt), argument);
      }
      print_wrapped(f, str(p->description), column, width, fprintf(f, "%s", option));
      fputc('\n', f);
   }
}

static void program_name(char *name, size_t size)
{
   char cmdline[4096];
   snprintf(name, size, "module");
   FILE *f = fopen("/proc/self/cmdline", "re");
   size_t n = f != NULL ? fread(cmdline, 1, sizeof(cmdline) - 1, f) : 0;
   if (f != NULL) {
      fclose(f);
   }
   if (n == 0) {
      return;
   }
   cmdline[n] = 0;
   const char *word = cmdline;
   if (strstr(word, "python") != NULL && strlen(word) + 1 < n) {
      word += strlen(word) + 1;
   }
   const char *slash = strrchr(word, '/');
   word = slash != NULL ? slash + 1 : word;
   snprintf(name, size, "%s", strncmp(word, "lt-", 3) == 0 ? word + 3 : word);
}

static void print_count(FILE *f, const char *what, int n)
{
   if (n < 0) {
      fprintf(f, "%s: variable\n", what);
   } else {
      fprintf(f, "%s: %d\n", what, n);
   }
}

static void print_head(FILE *f)
{
   fprintf(f, "TRAP module, libtrap version: %s %s\n===========================================\n",
           trap_version, trap_git_version);
}

static void print_common(FILE *f, int width)
{
   static const char *const rows[][2] = {
       {"  -h [trap,1]", "If no argument, print this message. If \"trap\" or 1 is given, print TRAP help."},
       {"  -i IFC_SPEC", "Specification of interface types and their parameters, see \"-h trap\" "
                         "(mandatory parameter)."},
       {"  -v", "Be verbose."},
       {"  -vv", "Be more verbose."},
       {"  -vvv", "Be even more verbose."},
   };
   for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
      print_wrapped(f, rows[i][1], 25, width, fprintf(f, "%s", rows[i][0]));
      fputc('\n', f);
   }
   heading(f, "Environment variables that affect output:");
   print_wrapped(f, "If set to \"json\", information about module is printed in JSON format.", 28, width,
                 fprintf(f, "  LIBTRAP_OUTPUT_FORMAT"));
   print_wrapped(f, "Show the help output in the set PAGER.", 28, width, fprintf(f, "  PAGER"));
   print_wrapped(f, "Directory of UNIX sockets, instead of the default of this build.", 28, width,
                 fprintf(f, "  TRAP_SOCKET_DIR"));
   print_wrapped(
       f, "Octal mode of UNIX sockets (0660). 0666: for all users, whose sockets are then not checked.", 28,
       width, fprintf(f, "  TRAP_SOCKET_MODE"));
}

static void print_text(FILE *f, const trap_module_info_t *m)
{
   int width = text_width();
   char program[256];
   bool options = false;
   print_head(f);
   fprintf(f, "Name: %s\n", str(m->name));
   print_count(f, "Inputs", m->num_ifc_in);
   print_count(f, "Outputs", m->num_ifc_out);
   fprintf(f, "Description:\n");
   print_wrapped(f, str(m->description), 2, width, 0);
   for (size_t i = 0; m->params != NULL && m->params[i] != NULL; i++) {
      options |= m->params[i]->short_opt != '-';
   }
   program_name(program, sizeof(program));
   fprintf(f, "\nUsage:  %s [COMMON]... %s\n\n", program, options ? "[OPTIONS]... " : "");
   if (options) {
      heading(f, "Parameters of module [OPTIONS]:");
      print_params(f, m, width);
   }
   heading(f, "Common TRAP parameters [COMMON]:");
   print_common(f, width);
}

static void print_json(const trap_module_info_t *m)
{
   json_t *params = json_array();
   for (size_t i = 0; m->params != NULL && m->params[i] != NULL; i++) {
      const trap_module_info_parameter_t *p = m->params[i];
      char short_opt[2] = {p->short_opt, 0};
      json_array_append_new(params, json_pack("{s:s,s:s,s:s,s:s,s:i}", "short_opt", short_opt, "long_opt",
                                              str(p->long_opt), "description", str(p->description),
                                              "argument_type", str(p->argument_type), "mandatory_argument",
                                              p->param_required_argument == 1));
   }
   json_t *root = json_pack("{s:s,s:s,s:i,s:i,s:o}", "name", str(m->name), "description", str(m->description),
                            "num_ifc_in", m->num_ifc_in, "num_ifc_out", m->num_ifc_out, "params", params);
   char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
   printf("%s\n", text != NULL ? text : "{}");
   free(text);
   json_decref(root);
}

TRAP_PUBLIC void trap_print_help(const trap_module_info_t *module_info)
{
   const char *format = getenv("LIBTRAP_OUTPUT_FORMAT");
   const char *pager = getenv("PAGER");
   if (module_info == NULL) {
      return;
   }
   if (help_section == 0 && format != NULL && strcmp(format, "json") == 0) {
      print_json(module_info);
      return;
   }
   /* A pager is for people: not when the output goes into a file or a pipe. */
   FILE *f = pager != NULL && *pager != 0 && isatty(STDOUT_FILENO) ? popen(pager, "we") : NULL;
   if (help_section != 0) {
      print_head(f != NULL ? f : stdout);
      fputs(trap_help_ifcspec, f != NULL ? f : stdout);
   } else {
      print_text(f != NULL ? f : stdout, module_info);
   }
   if (f != NULL) {
      pclose(f);
   }
}

TRAP_PUBLIC trap_module_info_t *trap_create_module_info(const char *mname, const char *mdesc, int8_t i_ifcs,
                                                        int8_t o_ifcs, uint16_t param_count)
{
   trap_module_info_t *m = calloc(1, sizeof(*m));
   if (m == NULL) {
      return NULL;
   }
   m->name = strdup(str(mname));
   m->description = strdup(str(mdesc));
   m->num_ifc_in = i_ifcs;
   m->num_ifc_out = o_ifcs;
   m->params = calloc((size_t) param_count + 1, sizeof(*m->params));
   if (m->name == NULL || m->description == NULL || m->params == NULL) {
      free(m->name);
      free(m->description);
      free(m->params);
      free(m);
      return NULL;
   }
   return m;
}

TRAP_PUBLIC int trap_update_module_param(trap_module_info_t *m, uint16_t param_id, char shortopt,
                                         const char *longopt, const char *desc, int req_arg,
                                         const char *arg_type)
{
   if (m == NULL || m->params == NULL) {
      return -1;
   }
   ALLOCATE_PARAM_ITEMS_2(m, param_id, shortopt, longopt, desc, req_arg, arg_type)
   return m->params[param_id] != NULL ? 0 : -1;
}
