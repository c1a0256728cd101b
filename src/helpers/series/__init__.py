"""The series of notebooks: what each profile does, the plan of steps, and running what has to be run, in order.

`profiles` holds what is changed most often. `parameters`, `plan` and `asked` make the steps of it and of what a user
asks for; `records` keeps what went into a step and what came out, `changes` tells why it has to run again, and
`explain` says so. `course` goes through the steps, `execute` runs one notebook, `tidy` removes what is of no step any
more, and `report` has the pages written. `run` is what `run_all.py` calls; `lock` lets one at a time do so.
"""
