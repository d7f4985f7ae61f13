"""What the wheel holds: the package, and data/ as helpers/bundled. All else stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["helpers", "helpers.*"]), "helpers.bundled"],
    package_dir={"helpers.bundled": "data"},
    package_data={
        "helpers": ["*.mplstyle"],
        "helpers.bundled": ["*.npz", "README.md", "results/**"],
    },
    include_package_data=False,
)
