"""The kinds of work that tasks are made of: which stages each has, in their order.

Each line is an archetype: its name, source, look, works and deliveries. Works and deliveries that a
level has no room for are left out (see `compose`), so the last work and the first delivery are what
the archetype is about at every level but the lowest.
"""
# ruff: noqa: E501  a table, an archetype a line

from __future__ import annotations

from stormproof.domain.conditions import TaskType
from stormproof.suites.workflows.tasks.compose import Archetype
from stormproof.suites.workflows.tasks.deliveries import (
    cache,
    pack,
    post,
    post_if_new,
    post_if_open,
    post_signed_in,
    push,
    push_each,
    route,
    write,
    write_if_free,
)
from stormproof.suites.workflows.tasks.figures import (
    behind_targets,
    counts,
    extremes,
    means,
    on_top,
    outlook,
    total,
    totals,
)
from stormproof.suites.workflows.tasks.finds import a_logged_case, a_sick_part, an_incident
from stormproof.suites.workflows.tasks.inspections import control_total, doubles, gaps, units
from stormproof.suites.workflows.tasks.messages import (
    log_count,
    mark_done,
    plan_job,
    tell_range,
    tell_result,
)
from stormproof.suites.workflows.tasks.other_shapes import (
    choose,
    contacts,
    flatten,
    in_city,
    leavers,
    predict,
    proposals,
    revised_costs,
    weekly_counts,
)
from stormproof.suites.workflows.tasks.sources import (
    a_file,
    a_guarded_address,
    a_noted_file,
    an_address,
    an_address_that_may_move,
    an_address_with_old_credentials,
    several_files,
)
from stormproof.suites.workflows.tasks.stages import Stage
from stormproof.suites.workflows.tasks.works import (
    add_gross,
    add_region,
    columns_only,
    corrections,
    keep_above,
    keep_days,
    keep_state,
    leave_out_group,
    partner_names,
    top,
    unsettled,
)

_ENDS: dict[TaskType, tuple[int, ...]] = {
    "simple_task": (1, 1, 1, 1, 1),
    "basic_task": (1, 1, 2, 2, 2),
    "api_integration": (1, 1, 2, 2, 3),
    "data_pipeline": (1, 1, 1, 2, 2),
    "multi_stage_pipeline": (1, 1, 2, 3, 4),
}
"""Deliveries at each level."""

Line = tuple[str, Stage, Stage | None, tuple[Stage, ...], tuple[Stage, ...]]

_LINES: dict[TaskType, tuple[Line, ...]] = {
    "simple_task": (
        ("largest", a_file, gaps, (corrections, unsettled, keep_days, keep_state, top), (write,)),
        ("group_totals", an_address_that_may_move, None, (unsettled, add_region, leave_out_group, keep_above, totals), (cache,)),
        ("one_state", a_noted_file, doubles, (corrections, unsettled, keep_days, keep_state), (write_if_free,)),
        ("grand_total", an_address_with_old_credentials, None, (corrections, keep_days, keep_state, total), (tell_result,)),
        ("case_list", a_logged_case, gaps, (unsettled, corrections, keep_days, leave_out_group, columns_only), (push,)),
        ("sick_part_cases", a_sick_part, None, (corrections, unsettled, keep_above, keep_state), (push_each,)),
        ("gross_list", a_guarded_address, units, (corrections, unsettled, keep_state, add_gross), (post,)),
        ("packed_month", a_file, doubles, (corrections, unsettled, keep_days, columns_only), (pack,)),
        ("incident_count", an_incident, None, (add_region, unsettled, keep_state, counts), (tell_result,)),
        ("two_desks", an_address_that_may_move, doubles, (corrections, unsettled, keep_above), (route,)),
        ("mean_by_group", several_files, None, (leave_out_group, corrections, keep_days, means), (write,)),
        ("open_cases", a_noted_file, gaps, (corrections, leave_out_group, unsettled), (push_each,)),
        ("reserve", a_file, units, (unsettled, keep_state, keep_days, corrections, on_top), (cache,)),
        ("spread", an_address, gaps, (unsettled, corrections, keep_days, keep_state), (tell_range,)),
        ("greatest_by_group", an_address_with_old_credentials, None, (add_region, leave_out_group, keep_days, corrections, extremes), (write_if_free,)),
        ("regions_behind", a_file, None, (keep_state, add_region, totals, behind_targets), (push,)),
        ("first_cases", an_incident, doubles, (corrections, unsettled, keep_days, top), (post_if_open,)),
        ("late_delivery", a_noted_file, None, (unsettled, corrections, keep_days, keep_above), (post_if_new,)),
        ("part_totals", a_sick_part, units, (unsettled, add_region, leave_out_group, totals), (cache,)),
        ("months_outlook", an_address_that_may_move, gaps, (unsettled, keep_state, corrections, outlook), (write,)),
        ("case_leader", a_logged_case, doubles, (add_region, unsettled, keep_days, totals), (tell_result,)),
    ),
    "basic_task": (
        ("state_and_count", a_noted_file, doubles, (corrections, unsettled, keep_above, keep_state), (write_if_free, log_count)),
        ("total_told", an_address_with_old_credentials, units, (corrections, keep_days, keep_state, total), (tell_result, cache)),
        ("leader_of_totals", a_file, gaps, (add_region, unsettled, keep_days, totals), (tell_result, write)),
        ("queue_of_state", an_address_that_may_move, None, (corrections, unsettled, leave_out_group, keep_state), (push_each, mark_done)),
        ("top_with_note", a_file, doubles, (unsettled, corrections, keep_state, top), (write_if_free, mark_done)),
        ("share_out", several_files, None, (leave_out_group, keep_days, corrections), (route, log_count)),
        ("price_up", a_guarded_address, gaps, (corrections, keep_days, keep_state, on_top), (cache, tell_result)),
        ("gross_copy", a_noted_file, units, (unsettled, corrections, keep_above, add_gross), (write, plan_job)),
        ("duty_list", a_sick_part, gaps, (add_region, unsettled, keep_above, columns_only), (push, tell_result)),
        ("case_report", a_logged_case, None, (corrections, add_region, keep_days, means), (write_if_free, mark_done)),
        ("missed_targets", an_address, doubles, (keep_state, keep_days, totals, behind_targets), (tell_result, push)),
        ("standing_copy", an_address_that_may_move, gaps, (unsettled, corrections, leave_out_group, keep_state), (cache, plan_job)),
        ("unsettled_cases", a_file, None, (corrections, leave_out_group, keep_above, unsettled), (push_each, tell_range)),
        ("narrow_extract", an_address_with_old_credentials, doubles, (unsettled, keep_state, keep_days, columns_only), (write, log_count)),
        ("incident_desks", an_incident, None, (corrections, unsettled, keep_above), (route, tell_result)),
        ("proposals_bought", proposals, None, (revised_costs, choose), (write_if_free, post_if_open, post_if_new, tell_result)),
        ("archive_of_state", a_noted_file, units, (corrections, unsettled, keep_days, keep_state), (pack, mark_done)),
        ("regional_counts", a_file, doubles, (unsettled, leave_out_group, add_region, counts), (cache, tell_result)),
        ("greatest_told", a_guarded_address, None, (add_region, corrections, keep_days, extremes), (tell_result, write_if_free)),
        ("office_feed", an_address_that_may_move, units, (unsettled, corrections, keep_state, keep_above), (post, mark_done)),
        ("growth_memo", a_sick_part, gaps, (corrections, keep_state, outlook), (write, tell_result)),
    ),
    "api_integration": (
        ("partner_feed", an_address_with_old_credentials, None, (unsettled, corrections, keep_state, partner_names), (post_if_open, mark_done, plan_job)),
        ("incident_cases", an_incident, gaps, (add_region, corrections, keep_state, keep_above), (push_each, post_if_new, tell_result)),
        ("signed_delivery", a_guarded_address, doubles, (corrections, unsettled, keep_days), (post_signed_in, log_count, mark_done)),
        ("monthly_return", an_address_that_may_move, gaps, (corrections, leave_out_group, columns_only), (post_if_new, mark_done, plan_job)),
        ("authority_totals", an_address, units, (unsettled, add_region, keep_state, totals), (post_if_open, tell_result, cache)),
        ("desk_feed", an_address_with_old_credentials, doubles, (corrections, unsettled, keep_above), (route, log_count, post_if_open)),
        ("cached_feed", an_address_that_may_move, None, (unsettled, corrections, keep_days, keep_state), (cache, plan_job, tell_range)),
        ("partner_top", a_guarded_address, units, (unsettled, keep_state, top, partner_names), (post_if_new, mark_done, tell_result)),
        ("clearing_total", an_address, gaps, (corrections, keep_days, keep_state, total), (post_if_open, tell_result, plan_job)),
        ("sick_part_resend", a_sick_part, doubles, (corrections, unsettled, keep_state), (post_signed_in, mark_done, tell_result)),
        ("case_handover", a_logged_case, None, (unsettled, corrections, partner_names), (post_if_new, tell_result, mark_done)),
        ("gross_feed", an_address_that_may_move, gaps, (unsettled, corrections, keep_state, add_gross), (post_if_open, push, mark_done)),
        ("queue_bridge", an_address_with_old_credentials, gaps, (add_region, corrections, leave_out_group), (push_each, log_count, plan_job)),
        ("targets_return", an_address, None, (keep_state, add_region, totals, behind_targets), (post_if_new, tell_result, cache)),
        ("mirror_file", a_guarded_address, doubles, (corrections, unsettled, keep_days), (write_if_free, plan_job, mark_done)),
        ("submission", a_noted_file, gaps, (unsettled, corrections, partner_names), (post_signed_in, mark_done, log_count)),
        ("incident_return", an_incident, units, (unsettled, corrections, columns_only), (post_if_open, tell_range, mark_done)),
        ("means_feed", an_address_that_may_move, doubles, (add_region, unsettled, keep_days, means), (post, cache, tell_result)),
        ("packed_feed", an_address_with_old_credentials, units, (unsettled, corrections, keep_state), (pack, mark_done, plan_job)),
        ("choice_posted", proposals, None, (revised_costs, choose), (post_signed_in, post_if_new, write_if_free, tell_result)),
        ("directory_feed", contacts, None, (leavers, in_city, flatten), (post_signed_in, write_if_free, cache)),
    ),
    "data_pipeline": (
        ("regional_totals", several_files, control_total, (leave_out_group, keep_state, add_region, totals, top), (write, tell_result)),
        ("targets_by_group", a_file, units, (unsettled, keep_state, totals, behind_targets), (pack, cache)),
        ("totals_of_state", a_noted_file, control_total, (corrections, unsettled, keep_days, keep_state, totals), (write_if_free, mark_done)),
        ("clean_table", a_file, doubles, (corrections, unsettled, leave_out_group, keep_days), (write, log_count)),
        ("complete_table", an_address_that_may_move, gaps, (corrections, unsettled, keep_above, columns_only), (write_if_free, log_count)),
        ("ranked_extract", several_files, gaps, (unsettled, corrections, keep_above, top), (write, pack)),
        ("weighed_total", a_file, units, (corrections, leave_out_group, unsettled, keep_state, on_top), (cache, mark_done)),
        ("regional_means", a_guarded_address, doubles, (corrections, keep_state, add_region, means), (write, tell_result)),
        ("corrected_totals", a_noted_file, control_total, (keep_days, unsettled, corrections, totals), (push, tell_result)),
        ("unsettled_by_group", a_file, gaps, (corrections, add_region, unsettled, totals), (write_if_free, tell_result)),
        ("counts_by_region", several_files, doubles, (unsettled, keep_days, add_region, counts), (cache, write)),
        ("gross_by_group", an_address, units, (corrections, unsettled, keep_state, totals), (write, push)),
        ("narrow_gross", an_address_with_old_credentials, control_total, (unsettled, keep_days, add_gross, columns_only), (write_if_free, pack)),
        ("top_groups", a_file, control_total, (unsettled, corrections, keep_state, totals, top), (tell_result, cache)),
        ("split_table", several_files, control_total, (corrections, keep_days, keep_above), (route, log_count)),
        ("longest_cases", a_logged_case, units, (unsettled, corrections, leave_out_group, top), (write, tell_range)),
        ("extremes_by_region", a_noted_file, gaps, (corrections, keep_days, add_region, extremes), (push_each, mark_done)),
        ("forecast_total", a_file, control_total, (corrections, unsettled, keep_state, outlook), (write_if_free, tell_result)),
        ("packed_regions", an_address_that_may_move, doubles, (unsettled, corrections, add_region), (pack, log_count)),
        ("budget_choice", proposals, None, (revised_costs, choose), (write_if_free, post_if_new, post_if_open, push)),
        ("phone_book", contacts, None, (leavers, in_city, flatten), (write_if_free, post_signed_in, pack)),
    ),
    "multi_stage_pipeline": (
        ("month_end", several_files, doubles, (unsettled, keep_state, totals), (write_if_free, post_signed_in, tell_result, plan_job)),
        ("forecast_round", a_guarded_address, gaps, (corrections, keep_state, outlook), (cache, post_if_open, tell_result, mark_done)),
        ("board_paper", a_noted_file, control_total, (corrections, add_region, keep_state, totals), (write_if_free, tell_result, pack, mark_done)),
        ("audit_pack", a_file, doubles, (corrections, unsettled, keep_days, columns_only), (pack, log_count, post_if_new, mark_done)),
        ("clearing_round", an_address_with_old_credentials, units, (unsettled, corrections, keep_state), (post_if_open, write_if_free, log_count, plan_job)),
        ("incident_round", an_incident, doubles, (corrections, add_region, keep_above), (push_each, write_if_free, tell_result, mark_done)),
        ("weekly_outlook", weekly_counts, None, (predict,), (write_if_free, post_if_open, tell_result, cache, plan_job)),
        ("weekly_memo", weekly_counts, None, (predict,), (tell_result, post_if_new, write_if_free, push, mark_done)),
        ("purchase_round", proposals, None, (revised_costs, choose), (write_if_free, post_if_new, tell_result, mark_done)),
        ("directory_round", contacts, None, (leavers, in_city, flatten), (cache, post_if_open, write_if_free, plan_job)),
        ("desk_round", an_address_that_may_move, gaps, (unsettled, corrections, keep_above), (route, log_count, post_if_new, mark_done)),
        ("statement", a_file, units, (corrections, unsettled, keep_state, on_top), (cache, tell_result, post_if_open, plan_job)),
        ("target_round", several_files, control_total, (totals, behind_targets), (tell_result, write_if_free, push, plan_job)),
        ("partner_round", a_guarded_address, doubles, (unsettled, keep_state, partner_names), (post_if_new, write_if_free, mark_done, plan_job)),
        ("repair_round", a_sick_part, gaps, (corrections, unsettled, keep_days), (post_if_open, push_each, tell_range, mark_done)),
        ("case_round", a_logged_case, doubles, (corrections, unsettled, keep_above), (write_if_free, push_each, tell_result, mark_done)),
        ("top_round", a_noted_file, units, (unsettled, corrections, keep_days, top), (write_if_free, post_signed_in, tell_result, plan_job)),
        ("regional_round", an_address_with_old_credentials, control_total, (unsettled, add_region, totals), (cache, post_if_open, tell_result, mark_done)),
        ("gross_round", an_address_that_may_move, units, (unsettled, corrections, add_gross), (write_if_free, push, tell_range, plan_job)),
        ("means_round", several_files, gaps, (keep_days, add_region, means), (write, tell_result, post_if_new, mark_done)),
        ("site_report", several_files, units, (unsettled, keep_state, counts), (write_if_free, tell_result, post_if_open, plan_job)),
    ),
}  # fmt: skip

ARCHETYPES: dict[TaskType, tuple[Archetype, ...]] = {
    task_type: tuple(
        Archetype(name, source, works, deliveries, look, _ENDS[task_type], looks_first=at % 2 == 1)
        for at, (name, source, look, works, deliveries) in enumerate(lines)
    )
    for task_type, lines in _LINES.items()
}
"""Type → its archetypes, whose order is that of their tasks."""
