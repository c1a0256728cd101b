"""The series of notebooks: what each profile does, the plan of steps, and running what has to be run, in order.

`profiles` holds what is changed most often; `parameters` and `plan` make steps of it; `execute` runs one notebook, and
`run` the whole.
"""
