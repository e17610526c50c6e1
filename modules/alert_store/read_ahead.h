/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Tells the kernel which pages of the database the rows of a table are in, before they are read one by one. The events of a host lie far
 * apart: a hundred of them are in a hundred pages, and a disk gives a hundred pages that are asked for at once in little more time than one.
 *
 * The pages are found in the B-tree of the table, as SQLite's file format describes it ("B-tree Pages"). It is a hint: where the file is damaged, or
 * the write-ahead log has newer pages, other pages may be read ahead, and the answer is the same.
 */
#ifndef ALERT_STORE_READ_AHEAD_H
#define ALERT_STORE_READ_AHEAD_H

#include <stdint.h>

/** Reads ahead the leaves with these rows (rowids) of a table.
 *  \param fd the file of the database; it must stay open as long as SQLite has the file open, since closing it ends the locks of this process
 *  \param page_size in bytes
 *  \param root page of the table, as in sqlite_master
 *  \param rows in ascending or descending order
 *  \return how many pages it asked for */
unsigned read_ahead(int fd, uint32_t page_size, uint32_t root, const int64_t *rows, unsigned n);

#endif
