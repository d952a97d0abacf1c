"""Campaigns: their workflows, and how an enrolment goes through one."""
