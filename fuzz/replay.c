/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzz target over the files (or all files in the directories) named on the command line: the way to
 * repeat a corpus or a crash where libFuzzer is not available. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
   FILE *file = fopen(path, "rb");
   uint8_t *data = malloc(size + 1);
   int result = -1;
   if (file && data && fread(data, 1, size, file) == size) {
      LLVMFuzzerTestOneInput(data, size);
      result = 0;
   } else {
      perror(path);
   }
   free(data);
   if (file)
      fclose(file);
   return result;
}

static int replay(const char *path)
{
   struct stat st;
   if (stat(path, &st) != 0) {
      perror(path);
      return -1;
   }
   if (!S_ISDIR(st.st_mode))
      return replay_file(path, (size_t) st.st_size);
   struct dirent **entries;
   int count = scandir(path, &entries, NULL, alphasort), result = 0;
   if (count < 0) {
      perror(path);
      return -1;
   }
   for (int i = 0; i < count; i++) {
      char inner[4096];
      if (entries[i]->d_name[0] != '.') {
         snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
         result |= replay(inner);
      }
      free(entries[i]);
   }
   free(entries);
   return result;
}

int main(int argc, char **argv)
{
   int result = 0;
   for (int i = 1; i < argc; i++)
      result |= replay(argv[i]);
   return result ? EXIT_FAILURE : EXIT_SUCCESS;
}
