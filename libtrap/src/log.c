/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

/* Control page, ring, and the ring once more after it. */
static int map_log(struct trap_log *log, uint64_t size, int prot)
{
   uint8_t *area = mmap(NULL, LOG_CTL_SIZE + 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
   if (area == MAP_FAILED) {
      return -errno;
   }
   uint8_t *second = area + LOG_CTL_SIZE + size;
   if (mmap(area, LOG_CTL_SIZE + size, prot, MAP_SHARED | MAP_FIXED, log->fd, 0) == MAP_FAILED ||
       mmap(second, size, prot, MAP_SHARED | MAP_FIXED, log->fd, LOG_CTL_SIZE) == MAP_FAILED) {
      int err = -errno;
      munmap(area, LOG_CTL_SIZE + 2 * size);
      return err;
   }
   log->ctl = (struct log_ctl *) area;
   log->ring = area + LOG_CTL_SIZE;
   log->size = size;
   return 0;
}

int log_create(struct trap_log *log, uint64_t min_size)
{
   uint64_t size = (min_size + LOG_CTL_SIZE - 1) / LOG_CTL_SIZE * LOG_CTL_SIZE;
   memset(log, 0, sizeof(*log));
   log->fd = memfd_create("trap-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
   if (log->fd < 0) {
      return -errno;
   }
   int err = ftruncate(log->fd, (off_t) (LOG_CTL_SIZE + size)) < 0 ? -errno : 0;
   if (err == 0) {
      err = map_log(log, size, PROT_READ | PROT_WRITE);
   }
   if (err != 0) {
      close(log->fd);
      log->fd = -1;
      return err;
   }
   /* From here on it cannot be resized, and only the mapping made above can write. Older kernels lack the last
    * seal; there the readers, which run as the same or a trusted user, could write. */
   if (fcntl(log->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE) < 0) {
      (void) fcntl(log->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
   }
   log->ctl->magic = LOG_MAGIC;
   log->ctl->ring_size = size;
   return 0;
}

int log_attach(struct trap_log *log, int fd)
{
   struct stat st;
   struct log_ctl ctl;
   memset(log, 0, sizeof(*log));
   log->fd = -1;
   /* A log that could shrink would let its sender kill the reader with SIGBUS. */
   int seals = fcntl(fd, F_GET_SEALS);
   if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW)) {
      return -EINVAL;
   }
   if (fstat(fd, &st) < 0 || pread(fd, &ctl, sizeof(ctl), 0) != (ssize_t) sizeof(ctl)) {
      return -EINVAL;
   }
   uint64_t size = ctl.ring_size;
   if (ctl.magic != LOG_MAGIC || size == 0 || size % LOG_CTL_SIZE != 0 || size > (1ull << 34) ||
       (uint64_t) st.st_size != LOG_CTL_SIZE + size) {
      return -EINVAL;
   }
   log->fd = fd;
   int err = map_log(log, size, PROT_READ);
   log->fd = -1;
   return err;
}

void log_close(struct trap_log *log)
{
   if (log->ctl != NULL) {
      munmap(log->ctl, LOG_CTL_SIZE + 2 * log->size);
      log->ctl = NULL;
   }
   if (log->fd >= 0) {
      close(log->fd);
      log->fd = -1;
   }
}

/* As on the wire: the length is big endian, the other numbers are little endian, on every machine. */
void block_header_write(uint8_t *p, uint32_t payload, uint64_t seq, uint16_t count)
{
   payload = htobe32(payload);
   seq = htole64(seq);
   count = htole16(count);
   memcpy(p, &payload, 4);
   memcpy(p + 4, &seq, 8);
   memcpy(p + 12, &count, 2);
}

uint32_t block_payload(const uint8_t *p)
{
   uint32_t n;
   memcpy(&n, p, 4);
   return be32toh(n);
}

uint64_t block_seq(const uint8_t *p)
{
   uint64_t seq;
   memcpy(&seq, p + 4, 8);
   return le64toh(seq);
}

uint16_t block_count(const uint8_t *p)
{
   uint16_t count;
   memcpy(&count, p + 12, 2);
   return le16toh(count);
}
