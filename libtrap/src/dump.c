/* SPDX-License-Identifier: BSD-3-Clause */
/** Files with the state of each interface, for debugging. */
#include "internal.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

static FILE *open_dump(const char *dir, char direction, uint32_t idx, const char *what)
{
   char path[PATH_MAX];
   if (snprintf(path, sizeof(path), "%s/trap-%c%02u-%s", dir, direction, idx, what) >= (int) sizeof(path)) {
      LOG_ERROR("Dump directory '%s' is too long.", dir);
      return NULL;
   }
   FILE *file = fopen(path, "we");
   if (file == NULL) {
      LOG_ERROR("Cannot write %s: %s", path, strerror(errno));
   }
   return file;
}

void dump_file(FILE *file, const char *name, const char *mode, const struct trap_context *ctx)
{
   fprintf(file, "Filename: %s\nMode: %s\nTerminated status: %d\n", name, mode,
           (int) atomic_load(&ctx->terminated));
}

static void close_dump(FILE *file)
{
   if (ferror(file) | (fclose(file) != 0)) {
      LOG_ERROR("A dump could not be written: %s", strerror(errno));
   }
}

static void dump_input(const struct trap_input *in, const char *dir, uint32_t idx)
{
   if (in->ops->dump == NULL) {
      LOG_NOTICE("Input %u: nothing to dump for type '%c'.", idx, in->type);
      return;
   }
   FILE *file = open_dump(dir, 'i', idx, "config.txt");
   if (file != NULL) {
      in->ops->dump(in, file);
      close_dump(file);
   }
   file = in->type != TRAP_IFC_TYPE_FILE ? open_dump(dir, 'i', idx, "buffer.dat") : NULL;
   if (file != NULL) {
      uint32_t size = in->first != NULL ? (uint32_t) (in->end - in->first) : 0;
      uint32_t be = htobe32(size);
      fwrite(&be, sizeof(be), 1, file);
      if (size > 0) {
         fwrite(in->first, 1, size, file);
      }
      close_dump(file);
   }
}

TRAP_PUBLIC void trap_ctx_create_ifc_dump(trap_ctx_t *c, const char *path)
{
   struct trap_context *ctx = c;
   const char *dir = path != NULL ? path : ".";
   if (ctx == NULL || !ctx->initialized) {
      return;
   }
   for (uint32_t i = 0; i < ctx->n_in; i++) {
      dump_input(ctx->in[i], dir, i);
   }
   for (uint32_t i = 0; i < ctx->n_out; i++) {
      struct trap_output *out = ctx->out[i];
      /* Outputs to files have always been named as inputs are. */
      FILE *file = out->ops->dump == NULL
                       ? NULL
                       : open_dump(dir, out->type == TRAP_IFC_TYPE_FILE ? 'i' : 'o', i, "config.txt");
      if (file != NULL) {
         out->ops->dump(out, file);
         close_dump(file);
      }
   }
}
