/* SPDX-License-Identifier: BSD-3-Clause */
/* Uses every macro and function of libnemea-common's public headers; compiled as C and as C++ by everything_test.py. */
#include <nemea-common/b_plus_tree.h>
#include <nemea-common/counting_sort.h>
#include <nemea-common/nemea-common.h>
#include <nemea-common/prefix_tree.h>
#include <nemea-common/real_time_sending.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef NDEBUG
#include <assert.h>

static int compare(void *a, void *b)
{
   uint32_t x, y;
   memcpy(&x, a, sizeof(x));
   memcpy(&y, b, sizeof(y));
   return x < y ? LESS : x > y ? MORE : EQUAL;
}

static void tree(void)
{
   bpt_t *t = bpt_init(5, compare, sizeof(uint64_t), sizeof(uint32_t));
   for (uint32_t i = 0; i < 20; i++) {
      assert(bpt_insert(t, &i) != NULL && bpt_insert(t, &i) == NULL && bpt_search_or_insert(t, &i) != NULL);
   }
   uint32_t key = 7;
   assert(bpt_search(t, &key) != NULL && bpt_item_del(t, &key) == 1 && bpt_item_cnt(t) == 19);
   bpt_list_item_t *item = bpt_list_init(t);
   assert(bpt_list_start(t, item) == 1 && bpt_list_item_next(t, item) == 1 &&
          bpt_list_item_del(t, item) == 1);
   bpt_list_clean(item);
   bpt_clean(t);
}

static uint32_t key_of(const void *item)
{
   return *(const uint32_t *) item;
}

static void no_lock(int index)
{
   (void) index;
}

static void cuckoo(void)
{
   char one[8] = "one", two[8] = "two";
   int value = 5;
   cc_hash_table_t t;
   cc_hash_table_v2_t v2;
   assert(ht_init(&t, 16, sizeof(value), sizeof(one), REHASH_ENABLE) == 0 && ht_is_empty(&t));
   assert(ht_insert(&t, one, &value, sizeof(one)) == 0 && ht_insert(&t, two, &value, sizeof(two)) == 0);
   assert(ht_get(&t, one, sizeof(one)) != NULL && ht_get_index(&t, one, sizeof(one)) != NOT_FOUND);
   assert(rehash(&t, NULL) != REHASH_FAILURE && INSERT_FAILURE == -2 && REHASH_DISABLE == 0);
   ht_remove_by_index(&t, (unsigned int) ht_get_index(&t, two, sizeof(two)));
   ht_remove_by_key(&t, one, sizeof(one));
   ht_clear(&t);
   ht_destroy(&t);
   assert(ht_init_v2(&v2, 16, sizeof(value), sizeof(one)) == 0 && ht_insert_v2(&v2, one, &value) == NULL);
   assert(ht_lock_insert_v2(&v2, two, &value, no_lock, no_lock) == NULL && ht_get_v2(&v2, two) != NULL);
   assert(ht_is_valid_v2(&v2, one, ht_get_index_v2(&v2, one)) == 1 && rehash_v2(&v2) == 0);
   ht_remove_by_key_v2(&v2, one);
   ht_remove_precomp_v2(&v2, two, 0, 0, 0);
   ht_clear_v2(&v2);
   ht_destroy_v2(&v2);
}

static void fast_table(void)
{
   uint32_t key = 1, key_lost, *found;
   uint64_t data = 2, data_lost;
   int8_t *lock;
   fht_table_t *t = fht_init(4, sizeof(key), sizeof(data), 2);
   assert(fht_insert(t, &key, &data, &key_lost, &data_lost) == FHT_INSERT_OK &&
          fht_insert_wr(t, &key, &data) == FHT_INSERT_FAILED);
   key = 2;
   assert(fht_insert_with_stash(t, &key, &data, &key_lost, &data_lost) == FHT_INSERT_OK);
   assert(fht_insert_with_stash_wr(t, &key, &data) == FHT_INSERT_FAILED && fht_get_data(t, &key) != NULL);
   assert(fht_get_data_with_stash(t, &key) != NULL && fht_get_data_locked(t, &key, &lock) != NULL);
   fht_unlock_data(lock);
   assert(fht_get_data_with_stash_locked(t, &key, &lock) != NULL &&
          fht_remove_with_stash_locked(t, &key, lock) == 0);
   assert(fht_remove(t, &key) == 1 && fht_remove_with_stash(t, &key) == 1);
   fht_iter_t *i = fht_init_iter(t);
   assert(fht_get_next_iter(i) == FHT_ITER_RET_OK && fht_remove_iter(i) == 0);
   assert(fht_get_next_iter(i) == FHT_ITER_RET_END);
   fht_reinit_iter(i);
   fht_destroy_iter(i);
   assert(fht_insert(t, &key, &data, NULL, NULL) == FHT_INSERT_OK);
   found = (uint32_t *) fht_get_data_locked(t, &key, &lock);
   assert(found != NULL && fht_remove_locked(t, &key, lock) == 0);
   fht_clear(t);
   fht_destroy(t);
}

static void fast_filter(void)
{
   uint32_t key = 1;
   uint64_t data = 2;
   const void *seen;
   void *place;
   int8_t *lock;
   fhf_table_t *t = fhf_init(4, sizeof(key), sizeof(data));
   assert(fhf_insert(t, &key, &data) == FHF_INSERT_OK &&
          fhf_insert_own_or_update(t, &key, &lock, &place) == FHF_INSERT_FAILED);
   fhf_unlock_data(lock);
   assert(fhf_update_data(t, &key, &lock, &place) == FHF_FOUND);
   fhf_unlock_data(lock);
   assert(fhf_get_data(t, &key, &seen) == FHF_FOUND &&
          fhf_get_data_locked(t, &key, &lock, &seen) == FHF_FOUND);
   assert(fhf_remove_locked(t, &key, lock) == FHF_REMOVED && fhf_remove(t, &key) == FHF_NOT_REMOVED);
   assert(fhf_insert(t, &key, &data) == FHF_INSERT_OK && fhf_resize(&t) == FHF_RESIZE_OK);
   fhf_iter_t *i = fhf_init_iter(t);
   assert(fhf_get_next_iter(i) == FHF_ITER_RET_OK && fhf_remove_iter(i) == FHF_REMOVED);
   fhf_reinit_iter(i);
   fhf_destroy_iter(i);
   fhf_clear(t);
   fhf_destroy(t);
}

static void prefixes(void)
{
   char text[64];
   prefix_tree_t *t =
       prefix_tree_initialize(SUFFIX, sizeof(int), '.', DOMAIN_EXTENSION_YES, RELAXATION_AFTER_DELETE_YES);
   assert(prefix_tree_insert(t, "www.example.com", 15) != NULL &&
          prefix_tree_search(t, "example.com", 11) != NULL);
   assert(prefix_tree_add_string_exception(t, "bad.com", 7) != NULL &&
          prefix_tree_is_string_in_exception(t, "bad.com", 7) == 1);
   assert(strcmp(prefix_tree_read_string(t, prefix_tree_search(t, "www.example.com", 15), text),
                 "www.example.com") == 0);
   assert(prefix_tree_most_used_domain_percent_of_subdomains(t, 1) >= 0);
   prefix_tree_inner_node_t *node = prefix_tree_most_substring(t->root);
   if (node != NULL) {
      prefix_tree_read_inner_node(t, node, text);
      prefix_tree_delete_inner_node(t, node);
   }
   prefix_tree_destroy(t);
   assert(PREFIX == 1);
}

struct timed {
   nc_timer_t timer;
   int expired;
};

static void expire(void *context, nc_timer_t *timer)
{
   (void) context;
   ((struct timed *) (void *) timer)->expired = 1;
}

static void newer(void)
{
   uint64_t key = 1, hash = nc_hash(&key, sizeof(key));
   nc_table_config_t config;
   memset(&config, 0, sizeof(config));
   config.capacity = 10;
   config.key_size = config.value_size = sizeof(key);
   nc_table_t *t = nc_table_new(&config);
   bool fresh;
   void *value = nc_table_upsert(t, &key, &fresh);
   assert(fresh && nc_table_find(t, &key) == value && nc_table_peek(t, &key) == value &&
          nc_table_key(t, value) != NULL);
   uint32_t cursor = 0;
   const void *k;
   assert(nc_table_next(t, &cursor, &k, &value) && nc_table_count(t) == 1 && nc_table_capacity(t) == 10);
   nc_table_remove_value(t, value);
   assert(!nc_table_remove(t, &key) && nc_table_memory(t) > 0 && nc_table_stats(t)->inserted == 1);
   nc_table_clear(t);
   nc_table_free(t);
   nc_cms_t *sketch = nc_cms_new(64, 4);
   assert(nc_cms_add(sketch, hash, 3) == 3 && nc_cms_count(sketch, nc_hash_u64(2)) <= 3);
   nc_cms_halve(sketch);
   nc_cms_clear(sketch);
   nc_cms_free(sketch);
   uint8_t registers[1 << 10] = {0}, other[1 << 10] = {0};
   nc_hll_add(registers, 10, hash);
   nc_hll_merge(registers, other, 10);
   assert(nc_hll_count(registers, 10) > 0);
   struct timed entry;
   memset(&entry, 0, sizeof(entry));
   nc_wheel_t *wheel = nc_wheel_new(16, 10);
   nc_wheel_set(wheel, &entry.timer, 100);
   assert(nc_timer_is_set(&entry.timer));
   nc_wheel_advance(wheel, 1000, expire, NULL);
   assert(entry.expired);
   nc_wheel_set(wheel, &entry.timer, 2000);
   nc_wheel_cancel(&entry.timer);
   nc_wheel_free(wheel);
}

NMCM_PROGRESS_DECL

static int progress(void)
{
   NMCM_PROGRESS_DEF
   NMCM_PROGRESS_INIT(2, return 1)
   for (int i = 0; i < 5; i++) {
      NMCM_PROGRESS_PRINT
   }
   NMCM_PROGRESS_NEWLINE
   return NMCM_CNT_VALUE - 1;
}

static void json(void)
{
   nc_json_t out;
   nc_json_error_t error;
   memset(&out, 0, sizeof(out));
   assert(nc_json_normalize(&out, "[1]", 3, -1, &error) && !nc_json_normalize(&out, "[", 1, -1, &error));
   nc_json_raw(&out, ",", 1);
   nc_json_string(&out, "s", 1);
   nc_json_u64(&out, 1);
   nc_json_i64(&out, -1);
   nc_json_double(&out, 0.5);
   assert(out.length == 13 && memcmp(out.data, "[1],\"s\"1-10.5", 13) == 0);
   nc_json_clear(&out);
   nc_json_free(&out);
}

static int paced(void)
{
   rt_state_t state;
   RT_INIT(state, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, return 1);
   for (unsigned i = 0; i < 10; i++) {
      RT_CHECK_DELAY(i, 1000, state);
   }
   RT_DESTROY(state);
   return 0;
}

int main(void)
{
   uint32_t in[3] = {3, 1, 2}, out[3];
   tree();
   assert(counting_sort(in, out, 3, sizeof(in[0]), 1, 3, CS_ORDER_DSC, key_of) == CS_SUCCESS && out[0] == 3);
   cuckoo();
   fast_table();
   fast_filter();
   prefixes();
   newer();
   json();
   assert(SuperFastHash("abc", 3) == 0xd2be198a && progress() == 0 && paced() == 0);
#ifdef HAVE_CONFIGURATOR
   char pattern[] = "<configuration/>", user[] = "nowhere", nothing[1];
   assert(loadConfiguration(pattern, user, nothing, CONF_PATTERN_STRING) == 1 && CONF_PATTERN_FILE == 0);
   assert(configuratorGetArrElemCount(nothing) == 0);
   configuratorFreeUAMBS();
#endif
   return 0;
}
