#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""libtrap exports the symbols of NEMEA 2 that programs use and its own, and nothing else.

usage: exports_test.py LIBRARY
"""

import subprocess
import sys

NEMEA_2 = """
   trap_check_buffer_content trap_create_module_info trap_ctx_cmp_data_fmt trap_ctx_create_ifc_dump
   trap_ctx_finalize trap_ctx_get_client_count trap_ctx_get_data_fmt trap_ctx_get_in_ifc_state
   trap_ctx_get_last_error trap_ctx_get_last_error_msg trap_ctx_get_verbose_level trap_ctx_ifcctl
   trap_ctx_init trap_ctx_init2 trap_ctx_init3 trap_ctx_recv trap_ctx_recv_with_seq_number trap_ctx_send
   trap_ctx_send_flush trap_ctx_set_data_fmt trap_ctx_set_required_fmt trap_ctx_set_verbose_level
   trap_ctx_terminate trap_ctx_vifcctl trap_ctx_vset_data_fmt trap_ctx_vset_required_fmt trap_debug
   trap_default_socket_path_format trap_err_msg trap_finalize trap_free_ifc_spec trap_get_data_fmt
   trap_get_global_ctx trap_get_in_ifc_state trap_get_input_ifc_stats trap_get_param_by_delimiter
   trap_get_type_and_name_from_string trap_get_verbose_level trap_git_version trap_glob_ctx trap_help_ifcspec
   trap_help_spec trap_ifc_type_supported trap_ifcctl trap_init trap_last_error trap_last_error_msg
   trap_parse_params trap_print_help trap_print_ifc_spec_help trap_recv trap_recv_with_seq_number trap_send
   trap_send_data trap_send_flush trap_set_data_fmt trap_set_help_section trap_set_required_fmt
   trap_set_verbose_level trap_terminate trap_update_module_param trap_verbose trap_version
""".split()

OURS = '''
   trap_ack trap_commit trap_ctx_ack trap_ctx_commit trap_ctx_get_recv_timeout trap_ctx_live_source trap_ctx_position
   trap_ctx_recv_any trap_ctx_recv_batch trap_ctx_recv_within trap_ctx_refuse_format trap_ctx_reserve trap_ctx_send_batch
   trap_ctx_set_service_info trap_recv_batch trap_reserve trap_send_batch
'''.split()


def main(library):
    out = subprocess.run(['nm', '-D', '--defined-only', library], check=True, capture_output=True, text=True).stdout
    names = {line.split()[2].split('@')[0] for line in out.splitlines() if line.split()[1] != 'A'}
    expected = set(NEMEA_2 + OURS)
    for name in sorted(expected - names):
        print(f'{library} does not export {name}', file=sys.stderr)
    for name in sorted(names - expected):
        print(f'{library} exports {name}, which is private', file=sys.stderr)
    return 0 if names == expected else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
