/* SPDX-License-Identifier: BSD-3-Clause */
/** unpack_blocks: decompresses the blocks of a file of nfdump (version 2) and does nothing with them: what a reader needs at least. */
#include <stdio.h>
#include <stdlib.h>

#include "../../modules/nfdump/compression.h"
#include "../../modules/nfdump/flow.h"

/* \return bytes of its flows; 0: none */
static size_t unpack_block(FILE *file, enum nf_compression kind, uint8_t *packed, uint8_t *plain)
{
   uint8_t header[NF_BLOCK_HEADER_SIZE];
   size_t size = 0;
   if (fread(header, sizeof(header), 1, file) != 1 || nf_get16(header + 8) != NF_BLOCK) {
      return 0;
   }
   uint32_t n = nf_get32(header + 4);
   if (n > NF_MAX_BLOCK || fread(packed, 1, n, file) != n || (nf_get16(header + 10) & NF_BLOCK_PLAIN) != 0) {
      return 0;
   }
   return nf_decompress(kind, packed, n, plain, NF_MAX_BLOCK, &size) ? size : 0;
}

int main(int argc, char **argv)
{
   uint8_t header[NF_HEADER_SIZE], *packed = malloc(NF_MAX_BLOCK), *plain = malloc(NF_MAX_BLOCK);
   FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
   unsigned long long bytes = 0;
   if (file == NULL || packed == NULL || plain == NULL || fread(header, sizeof(header), 1, file) != 1 ||
       header[NF_AT_PACKING] >= NF_COMPRESSIONS) {
      fprintf(stderr, "usage: unpack_blocks FILE (of nfdump 1.7, compressed)\n");
      return EXIT_FAILURE;
   }
   uint32_t blocks = nf_get32(header + NF_AT_BLOCKS);
   for (size_t n = 1; blocks > 0 && n > 0; blocks--) {
      n = unpack_block(file, header[NF_AT_PACKING], packed, plain);
      bytes += n;
   }
   fclose(file);
   free(packed);
   free(plain);
   printf("%llu bytes\n", bytes);
   return blocks == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
