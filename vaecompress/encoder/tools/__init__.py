"""The tools that code what networks cannot, and the choice among all of them."""
