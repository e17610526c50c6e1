/* SPDX-License-Identifier: BSD-3-Clause */
#include "read_ahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#define ROWS      5000
#define PAGE_SIZE 1024 /* small, so that the tree has several levels */
#define LEAF      0x0d

struct table {
   char path[64];
   int fd;
   uint32_t root;
   unsigned leaves;
   int64_t rows[ROWS];
};

/* Pages of the file that are leaves of tables; the first page is the list of tables. */
static unsigned count_leaves(int fd)
{
   unsigned n = 0;
   uint8_t type;
   for (off_t at = PAGE_SIZE; pread(fd, &type, 1, at) == 1; at += PAGE_SIZE) {
      n += type == LEAF;
   }
   return n;
}

/* A database with one table, whose rows have numbers with gaps. */
static int make(void **state)
{
   struct table *t = calloc(1, sizeof(*t));
   sqlite3 *sql = NULL;
   sqlite3_stmt *insert = NULL, *root = NULL;
   assert_non_null(t);
   snprintf(t->path, sizeof(t->path), "/tmp/test_alert_store.%ld", (long) getpid());
   assert_int_equal(sqlite3_open(t->path, &sql), SQLITE_OK);
   assert_int_equal(sqlite3_exec(sql,
                                 "PRAGMA page_size = 1024; BEGIN;"
                                 "CREATE TABLE event(no INTEGER PRIMARY KEY, data BLOB)",
                                 NULL, NULL, NULL),
                    SQLITE_OK);
   assert_int_equal(sqlite3_prepare_v2(sql, "INSERT INTO event VALUES(?1, zeroblob(?2))", -1, &insert, NULL),
                    SQLITE_OK);
   for (int i = 0; i < ROWS; i++) {
      t->rows[i] = 7 + (int64_t) i * i * 13; /* of one to five bytes */
      sqlite3_bind_int64(insert, 1, t->rows[i]);
      sqlite3_bind_int(insert, 2, 50 + i % 300);
      assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
      sqlite3_reset(insert);
   }
   sqlite3_finalize(insert);
   assert_int_equal(sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
   assert_int_equal(sqlite3_prepare_v2(sql, "SELECT rootpage FROM sqlite_master", -1, &root, NULL),
                    SQLITE_OK);
   assert_int_equal(sqlite3_step(root), SQLITE_ROW);
   t->root = (uint32_t) sqlite3_column_int(root, 0);
   sqlite3_finalize(root);
   sqlite3_close(sql);
   t->fd = open(t->path, O_RDWR | O_CLOEXEC);
   assert_true(t->fd >= 0);
   t->leaves = count_leaves(t->fd);
   *state = t;
   return 0;
}

static int drop(void **state)
{
   struct table *t = *state;
   close(t->fd);
   unlink(t->path);
   free(t);
   return 0;
}

/* Each leaf is asked for once, in both directions: so each row is taken to be in the right one. */
static void test_leaves_of_rows(void **state)
{
   struct table *t = *state;
   int64_t back[ROWS];
   assert_true(t->leaves > 500);
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, t->root, t->rows, ROWS), t->leaves);
   for (int i = 0; i < ROWS; i++) {
      back[i] = t->rows[ROWS - 1 - i];
   }
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, t->root, back, ROWS), t->leaves);
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, t->root, t->rows + 77, 1), 1);
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, t->root, t->rows, 0), 0);
}

static void test_what_is_no_table_is_not_read(void **state)
{
   struct table *t = *state;
   assert_int_equal(read_ahead(-1, PAGE_SIZE, t->root, t->rows, ROWS), 0);
   assert_int_equal(read_ahead(t->fd, 0, t->root, t->rows, ROWS), 0);
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, 0, t->rows, ROWS), 0);
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, 1000000, t->rows, ROWS), 0);
   /* A root that points to itself. */
   uint8_t page[PAGE_SIZE] = {0x05};
   page[11] = (uint8_t) t->root;
   assert_int_equal(pwrite(t->fd, page, sizeof(page), (off_t) (t->root - 1) * PAGE_SIZE), PAGE_SIZE);
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, t->root, t->rows, ROWS), 0);
   /* Cells outside of the page. */
   page[4] = 1;
   page[12] = page[13] = 0xff;
   assert_int_equal(pwrite(t->fd, page, sizeof(page), (off_t) (t->root - 1) * PAGE_SIZE), PAGE_SIZE);
   assert_int_equal(read_ahead(t->fd, PAGE_SIZE, t->root, t->rows, ROWS), 0);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test_setup_teardown(test_leaves_of_rows, make, drop),
       cmocka_unit_test_setup_teardown(test_what_is_no_table_is_not_read, make, drop),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
