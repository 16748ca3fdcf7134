"""The table of verbs: `python -m quality` is made of it, and a test holds the sessions of noxfile.py to it."""

from __future__ import annotations

from quality.cli.verb import Verb, count, option, seconds

JSON = option("--json", action="store_true", help="print one JSON document on standard output, and nothing beside it")
VERBOSE = option("--verbose", action="store_true", help="show Prefect's log and tracebacks")
ENVIRONMENT = option("--env", help="an environment of policy.yml; QUALITY_ENV, or the first one, when left out")
DATASETS = (option("dataset", nargs="*", help="a dataset; all of them when left out"), ENVIRONMENT)
PARTITION = option(
    "--partition",
    action="append",
    metavar="KEY=VALUE",
    help="of the data alone what lies in these folders: day=2026-11-26; again for another key",
)
TIMEOUT = option("--timeout", type=seconds, default=600, help="seconds to wait for a run (600)")
RUNGS = ("block", "flow", "deployment")

VERBS = (
    Verb(
        "task",
        "Rung 1: check in an ephemeral task; nothing saved, no server",
        "quality.cli.ladder:task",
        "Rungs",
        (
            *DATASETS,
            PARTITION,
            option("--explain", action="store_true", help="show each query and the columns that it read"),
            option("--full", action="store_true", help="read everything, whatever states are kept of it"),
            option("--junit", metavar="FILE", help="write the verdicts as JUnit XML, a test case for each rule"),
        ),
        "[dataset] [--env ENV] [--junit FILE]",
    ),
    Verb(
        "block",
        "Rung 2: save the contract as a DataQualityBlock, load it back, and compare both results",
        "quality.cli.ladder:block",
        "Rungs",
        (*DATASETS, PARTITION),
    ),
    Verb(
        "flow",
        "Rung 3: run the blessed flow and both flow factories, and write the artifacts",
        "quality.cli.ladder:flow",
        "Rungs",
        (*DATASETS, PARTITION),
    ),
    Verb(
        "deployment",
        "Rung 4: deploy datasets, let a worker run them, and read the artifacts back",
        "quality.cli.deployment:deployment",
        "Rungs",
        (*DATASETS, PARTITION, TIMEOUT),
        "[dataset] [--env ENV]",
    ),
    Verb(
        "doctor",
        "Say what is wrong with this machine, this environment or these files, and what to do about it",
        "quality.cli.doctor:doctor",
        "Doctor",
    ),
    Verb(
        "learn",
        "Read a dataset and propose rules for its contract",
        "quality.cli.learn:learn",
        "onboarding_answers:Learned",
        (option("dataset", nargs="*", help="a dataset, or a path; all datasets when left out"), ENVIRONMENT),
        "[dataset or path]",
    ),
    Verb(
        "add",
        "Write a dataset's contract with rules learned from its data, and its entries",
        "quality.cli.add:add",
        "Entries",
        (
            option("path", help="where its data lies: a path, glob, folder/, s3:// address, or env:NAME of a database"),
            option("name", nargs="?", help="what it is called; after its path or table when left out"),
            option("--table", help="of a database: a table or view, such as sales.orders"),
            option("--query", help="of a database: one SELECT"),
            option("--sheet", help="of a workbook that has several"),
            option("--accept", action="store_true", help="of a dataset that is there: write what its data says now"),
        ),
        "PATH [NAME] [--accept]",
    ),
    Verb(
        "remove",
        "Take a dataset away: its contract, what policy.yml says of it alone, and its entries",
        "quality.cli.add:remove",
        "Entries",
        (option("name", help="a dataset"),),
        "NAME",
    ),
    Verb(
        "environment-add",
        "Write the policy of a new environment, made like the last one, and its entries",
        "quality.cli.add:environment_add",
        "Entries",
        (option("name", help="what it is called, such as staging"),),
        "NAME",
    ),
    Verb(
        "entries",
        "Compute prefect.yaml from datasets and policy.yml",
        "quality.cli.entries:entries",
        "Entries",
        (
            option("--check", action="store_true", help="write nothing; fail and say which entries differ"),
            option("--adopt", action="store_true", help="first keep in policy.yml what the file says otherwise"),
        ),
        "[--check] [--adopt]",
    ),
    Verb(
        "pools",
        "Write the base job template of each work pool that has none, from Prefect's own of its type",
        "quality.cli.containers:pools",
        "containers:Pools",
    ),
    Verb(
        "image",
        "Print the image of this commit, in the registry of policy.yml, for whoever builds it",
        "quality.cli.containers:image",
        "containers:Images",
    ),
    Verb(
        "import",
        "Take over rules of ODCS, dbt, Great Expectations, Soda or JSON Schema; name the rest",
        "quality.cli.exchanged:imported",
        "onboarding_answers:Imported",
        (
            option("file", help="the document of the other tool"),
            option("--name", help="what the dataset is called; as the document calls it when left out"),
            option("--source", help="where its data lies; data/NAME.parquet when left out"),
        ),
        "FILE [--name NAME]",
    ),
    Verb(
        "export",
        "Write a contract as a data contract of the open standard, ODCS",
        "quality.cli.exchanged:exported",
        "onboarding_answers:Exported",
        (
            option("dataset", help="the dataset"),
            option("--output", metavar="FILE", help="write it there"),
        ),
        "DATASET [--output FILE]",
    ),
    Verb(
        "challenge",
        "Corrupt a dataset's rows in forty ways, and propose rules for what no rule notices",
        "quality.cli.challenge:challenge",
        "onboarding_answers:Challenge",
        (
            *DATASETS,
            option("--accept", action="store_true", help="append the rules that are proposed to the contract"),
            option("--seed", type=int, default=1, help="another choice of columns and rows (1)"),
        ),
        "[dataset] [--accept]",
    ),
    Verb(
        "impact",
        "What a change of contracts does, on today's data, to rows and to consumers",
        "quality.cli.impact:impact",
        "impact_answers:Impact",
        (
            *DATASETS,
            option("--rules", metavar="REF", help="a commit, branch or tag; where this branch left main when left out"),
            option("--markdown", action="store_true", help="print Markdown, as for a pull request"),
            option("--allow-breaking", action="store_true", help="exit 0 though it is breaking for consumers"),
        ),
        "[dataset] [--rules REF]",
    ),
    Verb(
        "replay",
        "Judge earlier nights by the rules of now, from kept states",
        "quality.cli.replay:replay",
        "replay_answers:Replay",
        (
            *DATASETS,
            option("--from", dest="since", metavar="DATE", help="nights from this day on, in UTC; all when left out"),
            option("--rules", metavar="REF", help="a commit whose rules judge; those of this tree when left out"),
            option("--markdown", action="store_true", help="print Markdown, as for a pull request"),
        ),
        "[dataset] [--from DATE] [--rules REF]",
    ),
    Verb(
        "rules",
        "Write the rule tables of docs/rules.md, and the JSON Schemas beside the contracts and in docs/",
        "quality.cli.documents:rules",
        "Written",
    ),
    Verb(
        "status",
        "Compute the highest rung that evidence proves, and what blocks the next",
        "quality.cli.rollout:status",
        "Status",
        (option("--check", action="store_true", help="fail on what rollout/ or the server has unproved"),),
        "[--check]",
    ),
    Verb(
        "promote",
        "Go through the checklist of a rung, and refuse with the fix of each unmet line",
        "quality.cli.rollout:promote",
        "Promoted",
        (option("rung", choices=RUNGS, help="the rung to climb to"), *DATASETS),
        "block|flow|deployment",
    ),
    Verb(
        "climb",
        "Prove again, on one server, every rung that datasets had, as after a release",
        "quality.cli.climb:climb",
        "Climb",
        (
            DATASETS[0],
            option("--env", help="an environment of policy.yml; all of them when left out"),
            TIMEOUT,
        ),
        "[dataset] [--env ENV]",
    ),
    Verb(
        "drift",
        "Say what differs from the repository: files, forks, environments, server",
        "quality.cli.operators:drift",
        "Drift",
        (
            option("layer", nargs="*", help="files, forks, environments, server; all when left out"),
            option("--env", help="only this environment of policy.yml on the server"),
            option("--fix", action="store_true", help="save blocks and deploy from git, delete what left it"),
            option("--remove-old", action="store_true", help="with --fix: delete what has a name of before the domain"),
            option(
                "--remove-domain",
                metavar="NAME",
                help="a name of before of the domain: what is left of it",
            ),
        ),
        "[layer] [--fix] [--env ENV]",
    ),
    Verb(
        "history",
        "Print the last runs, the trend of every rule, and who was told what",
        "quality.cli.operators:history",
        "History",
        (*DATASETS, PARTITION, option("--runs", type=count, default=20, help="how many runs to show (20)")),
        "[dataset] [--runs N]",
    ),
    Verb(
        "report",
        "Write the last run as one HTML page in reports/, print its path, and open it",
        "quality.cli.operators:report",
        "Reports",
        (*DATASETS, PARTITION),
        "[dataset] [--env ENV]",
    ),
    Verb(
        "redrive",
        "Judge quarantined rows by today's rules, and release those that pass",
        "quality.cli.operators:redrive",
        "Redriven",
        (*DATASETS, PARTITION),
        "[dataset] [--env ENV]",
    ),
    Verb(
        "alarms",
        "Set the server's automations for runs that crash, give no verdict, go silent or never start",
        "quality.cli.operators:alarms",
        "Alarms",
        (option("--env", help="an environment of policy.yml; all of them when left out"),),
        "[--env ENV]",
    ),
    Verb(
        "arrived",
        "Say on the server that new data of a dataset is there, which triggers wait for",
        "quality.cli.operators:arrived",
        "Arrived",
        (option("dataset", nargs="+", help="a dataset"), ENVIRONMENT),
        "DATASET [--env ENV]",
    ),
)
