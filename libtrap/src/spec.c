/* SPDX-License-Identifier: BSD-3-Clause */
/** Border of the command line: IFC_SPEC and the common options -i, -h, -v. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

TRAP_PUBLIC char trap_ifc_type_supported[] = {
    TRAP_IFC_TYPE_GENERATOR, TRAP_IFC_TYPE_BLACKHOLE, TRAP_IFC_TYPE_TCPIP,
#ifdef HAVE_TLS
    TRAP_IFC_TYPE_TLS,
#endif
    TRAP_IFC_TYPE_UNIX,      TRAP_IFC_TYPE_FILE,      0};

/* --------------------------------------------------------------------- quoting */

bool spec_special(char c)
{
   return c != 0 && strchr(",:\\$~*?[]", c) != NULL;
}

/* The first delimiter that is not quoted, or the end. */
static const char *item_end(const char *p, char delimiter)
{
   while (*p != 0 && *p != delimiter) {
      p += *p == '\\' && spec_special(p[1]) ? 2 : 1;
   }
   return p;
}

char *spec_next(const char **rest, char delimiter)
{
   const char *start = *rest, *end = item_end(start, delimiter);
   *rest = *end != 0 ? end + 1 : NULL;
   return strndup(start, (size_t) (end - start));
}

char *spec_unquote(char *text)
{
   char *to = text;
   for (const char *p = text; *p != 0; p++) {
      p += *p == '\\' && spec_special(p[1]);
      *to++ = *p;
   }
   *to = 0;
   return text;
}

/* ------------------------------------------------------------ IFC_SPEC and command line */

static int add_ifc(trap_ifc_spec_t *spec, size_t n, char letter, const char *params, size_t length)
{
   char *types = realloc(spec->types, n + 2);
   if (types == NULL) {
      return TRAP_E_MEMORY;
   }
   spec->types = types;
   types[n] = letter;
   types[n + 1] = 0;
   char **list = realloc(spec->params, (n + 2) * sizeof(*list));
   if (list == NULL) {
      types[n] = 0;
      return TRAP_E_MEMORY;
   }
   spec->params = list;
   list[n] = strndup(params, length);
   list[n + 1] = NULL;
   if (list[n] == NULL) {
      types[n] = 0;
      return TRAP_E_MEMORY;
   }
   return TRAP_E_OK;
}

int spec_parse(const char *text, trap_ifc_spec_t *spec, char *err, size_t err_size)
{
   size_t n = 0;
   memset(spec, 0, sizeof(*spec));
   spec->types = calloc(1, 1);
   spec->params = calloc(1, sizeof(char *));
   if (spec->types == NULL || spec->params == NULL) {
      trap_free_ifc_spec(*spec);
      memset(spec, 0, sizeof(*spec));
      return TRAP_E_MEMORY;
   }
   while (*text != 0) {
      size_t length = (size_t) (item_end(text, ',') - text);
      if (strchr(trap_ifc_type_supported, *text) == NULL) {
         snprintf(err, err_size, "Unsupported IFC type '%c'%s.", *text,
                  *text == TRAP_IFC_TYPE_TLS ? " (this libtrap was built without OpenSSL)" : "");
         trap_free_ifc_spec(*spec);
         memset(spec, 0, sizeof(*spec));
         return TRAP_E_BADPARAMS;
      }
      const char *params = length > 1 && text[1] == ':' ? text + 2 : text + length;
      int rc = add_ifc(spec, n++, *text, params, (size_t) (text + length - params));
      if (rc != TRAP_E_OK) {
         trap_free_ifc_spec(*spec);
         memset(spec, 0, sizeof(*spec));
         return rc;
      }
      text += length;
      if (*text == ',') {
         text++;
      }
   }
   return TRAP_E_OK;
}

static int find_arg(int argc, char **argv, const char *a, const char *b)
{
   for (int i = 0; i < argc; i++) {
      if (strcmp(argv[i], a) == 0 || (b != NULL && strcmp(argv[i], b) == 0)) {
         return i;
      }
   }
   return -1;
}

static void remove_args(int *argc, char **argv, int at, int count)
{
   memmove(argv + at, argv + at + count, (size_t) (*argc - at - count) * sizeof(*argv));
   *argc -= count;
   argv[*argc] = NULL;
}

TRAP_PUBLIC int trap_parse_params(int *argc, char **argv, trap_ifc_spec_t *ifc_spec)
{
   if (ifc_spec == NULL || argc == NULL || argv == NULL) {
      return publish_error(TRAP_E_BAD_FPARAMS, NULL);
   }
   memset(ifc_spec, 0, sizeof(*ifc_spec));
   int help = find_arg(*argc, argv, "-h", "--help");
   if (help >= 0) {
      const char *next = help + 1 < *argc ? argv[help + 1] : "";
      trap_set_help_section(strcmp(next, "trap") == 0 || strcmp(next, "1") == 0);
      remove_args(argc, argv, help, 1);
      return publish_error(TRAP_E_HELP, NULL);
   }
   int at = find_arg(*argc, argv, "-i", NULL);
   if (at < 0 || at + 1 >= *argc) {
      return publish_error(
          TRAP_E_BADPARAMS,
          at < 0 ? "option -i with the interfaces (IFC_SPEC) is missing, see -h trap"
                 : "option -i has no argument, expected the interfaces (IFC_SPEC), see -h trap");
   }
   char message[256] = "";
   int rc = spec_parse(argv[at + 1], ifc_spec, message, sizeof(message));
   publish_error(rc, message[0] != 0 ? keep_text(message) : NULL);
   if (rc != TRAP_E_OK) {
      return rc;
   }
   remove_args(argc, argv, at, 2);
   static const char *const levels[] = {"-v", "-vv", "-vvv"};
   int first = *argc, level = -1;
   for (int i = 0; i < 3; i++) {
      int found = find_arg(*argc, argv, levels[i], NULL);
      if (found >= 0 && found < first) {
         first = found;
         level = i;
      }
   }
   if (level >= 0) {
      trap_set_verbose_level(level);
      remove_args(argc, argv, first, 1);
   }
   return TRAP_E_OK;
}

TRAP_PUBLIC int trap_free_ifc_spec(trap_ifc_spec_t ifc_spec)
{
   if (ifc_spec.types == NULL) {
      free(ifc_spec.params);
      return TRAP_E_BADPARAMS;
   }
   for (size_t i = 0; ifc_spec.params != NULL && ifc_spec.params[i] != NULL; i++) {
      free(ifc_spec.params[i]);
   }
   free(ifc_spec.params);
   free(ifc_spec.types);
   return TRAP_E_OK;
}

/* ---------------------------------------------------- parameters of all interfaces */

static bool parse_i64(const char *s, int64_t *value)
{
   char *end;
   errno = 0;
   long long v = strtoll(s, &end, 0);
   *value = v;
   return end != s && *end == 0 && errno == 0;
}

static bool set_timeout(struct common_params *c, const char *value, bool output)
{
   int64_t v;
   if (strcmp(value, "WAIT") == 0) {
      v = TRAP_WAIT;
   } else if (strcmp(value, "NO_WAIT") == 0) {
      v = TRAP_NO_WAIT;
   } else if (strcmp(value, "HALF_WAIT") == 0 && output) {
      v = TRAP_HALFWAIT;
   } else if (!parse_i64(value, &v) || v < INT32_MIN || v > INT32_MAX) {
      return false;
   }
   c->timeout = (int32_t) v;
   c->has_timeout = true;
   return true;
}

static bool set_buffer(struct common_params *c, const char *value)
{
   c->buffer = strcmp(value, "on") == 0;
   c->has_buffer = true;
   return c->buffer || strcmp(value, "off") == 0;
}

static bool set_autoflush(struct common_params *c, const char *value)
{
   c->autoflush = TRAP_NO_AUTO_FLUSH;
   c->has_autoflush = true;
   return strcmp(value, "off") == 0 || parse_i64(value, &c->autoflush);
}

/* Value of a parameter of this name, NULL: it has another one. */
static const char *value_of(const char *param, const char *name)
{
   size_t n = strlen(name);
   return strncmp(param, name, n) == 0 && param[n] == '=' ? param + n + 1 : NULL;
}

/* One parameter; *taken when it is one of all interfaces. \return what is allowed, NULL: it is right */
static const char *take_one(struct common_params *c, const char *param, bool output, bool *taken)
{
   const char *value = value_of(param, "timeout");
   *taken = true;
   if (value != NULL) {
      return c->has_timeout || set_timeout(c, value, output) ? NULL
             : output                                        ? "WAIT, NO_WAIT, HALF_WAIT or microseconds"
                                                             : "WAIT, NO_WAIT or microseconds";
   }
   if (output && (value = value_of(param, "buffer")) != NULL) {
      return set_buffer(c, value) ? NULL : "on or off";
   }
   if (output && (value = value_of(param, "autoflush")) != NULL) {
      return set_autoflush(c, value) ? NULL : "off or microseconds";
   }
   *taken = false;
   return NULL;
}

int spec_take_common(struct trap_context *ctx, char *params, bool output, struct common_params *common)
{
   char *to = params;
   const char *rest = params;
   bool first = true;
   memset(common, 0, sizeof(*common));
   while (rest != NULL) {
      bool taken;
      char *param = spec_next(&rest, ':'); /* a copy: the text is moved under it */
      if (param == NULL) {
         return ctx_error(ctx, TRAP_E_MEMORY, NULL);
      }
      const char *allowed = take_one(common, param, output, &taken);
      if (allowed != NULL) {
         ctx_error(ctx, TRAP_E_BADPARAMS, "Interface parameter '%s': expected %s.", param, allowed);
         free(param);
         return TRAP_E_BADPARAMS;
      }
      if (!taken) {
         size_t length = strlen(param);
         if (!first) {
            *to++ = ':';
         }
         memcpy(to, param, length);
         to += length;
         first = false;
      }
      free(param);
   }
   *to = 0;
   return TRAP_E_OK;
}

TRAP_PUBLIC char *trap_get_param_by_delimiter(const char *source, char **dest, const char delimiter)
{
   if (source == NULL || dest == NULL) {
      return NULL;
   }
   const char *end = strchr(source, delimiter);
   *dest = end != NULL ? strndup(source, (size_t) (end - source)) : strdup(source);
   return *dest != NULL && end != NULL ? (char *) end + 1 : NULL;
}
