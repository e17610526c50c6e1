/* SPDX-License-Identifier: BSD-3-Clause */
/** Sends the messages of an IPFIX file over UDP, again and again with sequence numbers that go on: export_send FILE PORT MESSAGES RATE. RATE is
 * datagrams a second, 0: as fast as it goes. The messages before the first data set go out once, at the begin. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH        32
#define MAX_MESSAGES 65536
#define HEADER       16

struct file {
   uint8_t *bytes;
   size_t size;
   uint8_t *message[MAX_MESSAGES];
   uint16_t length[MAX_MESSAGES];
   unsigned n;
};

static unsigned be16(const uint8_t *p)
{
   return (unsigned) p[0] << 8 | p[1];
}

static int load(struct file *f, const char *path)
{
   FILE *in = fopen(path, "rb");
   if (in == NULL || fseek(in, 0, SEEK_END) != 0) {
      return -1;
   }
   f->size = (size_t) ftell(in);
   f->bytes = malloc(f->size);
   rewind(in);
   if (f->bytes == NULL || fread(f->bytes, 1, f->size, in) != f->size) {
      return -1;
   }
   fclose(in);
   for (size_t at = 0; at + HEADER <= f->size && f->n < MAX_MESSAGES; f->n++) {
      f->message[f->n] = f->bytes + at;
      f->length[f->n] = (uint16_t) be16(f->bytes + at + 2);
      if (f->length[f->n] < HEADER || at + f->length[f->n] > f->size) {
         return -1;
      }
      at += f->length[f->n];
   }
   return f->n > 1 ? 0 : -1;
}

static uint64_t now(void)
{
   struct timespec t;
   clock_gettime(CLOCK_MONOTONIC, &t);
   return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

/* What a message adds to the sequence number, as its file's next message tells. */
static uint32_t sequence_of(const uint8_t *message)
{
   uint32_t v;
   memcpy(&v, message + 8, 4);
   return ntohl(v);
}

int main(int argc, char **argv)
{
   static struct file f;
   if (argc != 5 || load(&f, argv[1]) != 0) {
      fprintf(stderr,
              "usage: export_send FILE PORT MESSAGES RATE (FILE: IPFIX, its first message the template)\n");
      return 1;
   }
   struct sockaddr_in to = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t) atoi(argv[2])),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   uint64_t total = strtoull(argv[3], NULL, 10), rate = strtoull(argv[4], NULL, 10), sent = 0;
   int fd = socket(AF_INET, SOCK_DGRAM, 0);
   if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof(to)) != 0 ||
       send(fd, f.message[0], f.length[0], 0) < 0) {
      perror("export_send");
      return 1;
   }
   struct mmsghdr headers[BATCH];
   struct iovec vectors[BATCH];
   /* All messages but the first have the same number of records. */
   uint32_t step = f.n > 2 ? sequence_of(f.message[2]) - sequence_of(f.message[1]) : 1, sequence = 0;
   unsigned at = 1, n = rate > 0 && rate < 200000 ? 8 : BATCH;
   uint64_t begin = now();
   while (sent < total) {
      if (rate > 0 && (double) sent * 1e9 / (double) rate > (double) (now() - begin)) {
         continue; /* busy: a sleep would be longer than the gap */
      }
      for (unsigned i = 0; i < n; i++) {
         uint32_t be = htonl(sequence);
         memcpy(f.message[at] + 8, &be, 4);
         sequence += step;
         vectors[i] = (struct iovec){f.message[at], f.length[at]};
         headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
         at = at + 1 < f.n ? at + 1 : 1;
      }
      int done = sendmmsg(fd, headers, n, 0);
      if (done < 0) {
         perror("export_send");
         return 1;
      }
      if ((unsigned) done <
          n) { /* the rest is sent later under new numbers: they count as lost, which they are */
         fprintf(stderr, "export_send: %u messages were not taken\n", n - (unsigned) done);
      }
      sent += n;
   }
   double seconds = (double) (now() - begin) / 1e9;
   printf("%llu %.6f\n", (unsigned long long) sent, seconds);
   return 0;
}
